//! A private FreeSWITCH for a test: the files of `freeswitch-conf/` and the smallest rest, on free ports of loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, sleep};

/// The domain of the directory; phones register in it.
pub const DOMAIN: &str = "127.0.0.1";
/// A company number of `vars_dozvon.xml`.
pub const COMPANY: &str = "74951234567";

/// Where FreeSWITCH is: `DOZVON_FREESWITCH` (its binary, or where it is installed), else `PATH`.
pub fn find() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os("DOZVON_FREESWITCH") {
        let given = PathBuf::from(given);
        let inside = given.join("bin/freeswitch");
        return [given.clone(), inside]
            .into_iter()
            .find(|path| path.is_file())
            .ok_or(format!("DOZVON_FREESWITCH={} has no FreeSWITCH", given.display()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("freeswitch"))
        .find(|path| path.is_file())
        .ok_or("no `freeswitch` in PATH, and DOZVON_FREESWITCH is not set".to_owned())
}

/// A running FreeSWITCH. Killed, and its folder removed, when dropped.
pub struct FreeSwitch {
    child: Child,
    binary: PathBuf,
    folder: TempDir,
    /// Where the trunk's calls go (context `public`).
    pub trunk: SocketAddr,
    /// Where employees' phones register and call (context `default`).
    pub phones: SocketAddr,
    /// The Event Socket.
    pub control: SocketAddr,
}

/// What differs between tests.
pub struct Setup {
    /// Where the dialplan looks for the engine, in its own spelling: `host:port|host:port`.
    pub engine: String,
    /// Where the gateway to mobiles leads.
    pub mobile: SocketAddr,
}

impl FreeSwitch {
    /// Starts one and waits until it takes calls.
    pub async fn start(binary: &Path, setup: &Setup) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let (trunk, phones) = (free_port().await, free_port().await);
        let control = free_port().await;
        write_configuration(folder.path(), setup, trunk, phones, control);
        let child = spawn(binary, folder.path());
        let binary = binary.to_owned();
        let freeswitch = Self { child, binary, folder, trunk, phones, control };
        freeswitch.wait_until_ready().await;
        freeswitch
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it runs");
    }

    /// Starts it again on the same ports, after [`FreeSwitch::kill`].
    pub async fn start_again(&mut self) {
        self.child = spawn(&self.binary, self.folder.path());
        self.wait_until_ready().await;
    }

    async fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(mut control) = Control::open(self.control).await
                && control.api("sofia status").await.matches("RUNNING").count() == 2
            {
                return;
            }
            assert!(Instant::now() < deadline, "FreeSWITCH does not come up:\n{}", self.log());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Runs one API command.
    pub async fn api(&self, command: &str) -> String {
        let mut control = Control::open(self.control).await.expect("FreeSWITCH runs");
        control.api(command).await
    }

    /// How many channels it has now.
    pub async fn channels(&self) -> usize {
        let text = self.api("show channels count").await;
        text.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a count")
    }

    /// Waits until no channel is left.
    ///
    /// # Panics
    /// Some stayed for `wait`: which, in what state, and whether they went later.
    pub async fn is_quiet_within(&self, wait: Duration) {
        let start = Instant::now();
        let mut stayed = None;
        while self.channels().await > 0 {
            if start.elapsed() > wait && stayed.is_none() {
                // A row of `show channels` may outlive its session: `status` counts those.
                stayed = Some([self.api("show channels").await, self.api("status").await].concat());
            }
            if let Some(stayed) = &stayed {
                let later = wait + Duration::from_secs(20);
                assert!(start.elapsed() < later, "a channel stayed, and is still there:\n{stayed}");
            }
            sleep(Duration::from_millis(50)).await;
        }
        if let Some(stayed) = stayed {
            panic!("a channel went after {:?}, not within {wait:?}:\n{stayed}", start.elapsed());
        }
    }

    /// The folder of `dozvon_recordings`.
    pub fn recordings(&self) -> PathBuf {
        self.folder.path().join("recordings/dozvon")
    }

    /// Another one from now on, below its folder of recordings.
    pub async fn records_into(&self, name: &str) -> PathBuf {
        let vars = self.folder.path().join("conf/vars_dozvon.xml");
        let text = fs::read_to_string(&vars).expect("it was written");
        let folder = self.folder.path().join("recordings").join(name);
        let (key, old) = ("dozvon_recordings=", "$${recordings_dir}/dozvon");
        assert!(text.contains(&format!("{key}{old}")), "vars_dozvon.xml names the folder");
        let text = text.replace(&format!("{key}{old}"), &format!("{key}{}", folder.display()));
        fs::write(&vars, text).expect("a file");
        assert!(self.api("reloadxml").await.contains("+OK"));
        folder
    }

    /// What it has printed and logged so far.
    pub fn log(&self) -> String {
        let read = |file: &str| fs::read(self.folder.path().join("log").join(file));
        let files = ["output", "freeswitch.log"].map(|file| read(file).unwrap_or_default());
        String::from_utf8_lossy(&files.concat()).into_owned()
    }

    /// Lines of the log at WARNING and above.
    pub fn complaints(&self) -> Vec<String> {
        let bad = ["[WARNING]", "[ERR]", "[CRIT]", "[ALERT]"];
        let log = self.log();
        let lines = log.lines().filter(|line| bad.iter().any(|mark| line.contains(mark)));
        lines.map(str::to_owned).collect()
    }
}

impl Drop for FreeSwitch {
    fn drop(&mut self) {
        // Nothing in it is worth an orderly end, which takes seconds.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(binary: &Path, root: &Path) -> Child {
    let mut command = Command::new(binary);
    command.args(["-nonat", "-nf", "-nc", "-np"]);
    for part in
        ["conf", "log", "db", "run", "recordings", "sounds", "scripts", "storage", "cache", "temp"]
    {
        fs::create_dir_all(root.join(part)).expect("a folder");
        command.arg(format!("-{part}")).arg(root.join(part));
    }
    let output = fs::File::create(root.join("log/output")).expect("a file");
    let errors = output.try_clone().expect("a file");
    let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
    child.expect("FreeSWITCH starts")
}

/// A bare Event Socket connection, independent of the engine's own.
pub struct Control(BufReader<TcpStream>);

impl Control {
    /// Logs in. `None`: FreeSWITCH does not answer (yet).
    pub async fn open(address: SocketAddr) -> Option<Self> {
        let mut control = Self(BufReader::new(TcpStream::connect(address).await.ok()?));
        control.block().await?;
        control.send("auth ClueCon").await?;
        Some(control)
    }

    /// Runs one API command.
    pub async fn api(&mut self, command: &str) -> String {
        self.send(&format!("api {command}")).await.unwrap_or_default()
    }

    /// Sends a command and returns the body of its answer, else its headers.
    pub async fn send(&mut self, command: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{command}\n\n").as_bytes()).await.ok()?;
        self.block().await
    }

    /// The next message, whatever it is.
    async fn block(&mut self) -> Option<String> {
        let (mut headers, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().ok()?;
            }
            headers += &line;
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Some(if length == 0 { headers } else { body })
    }
}

impl From<TcpStream> for Control {
    /// The other end of a dialplan's `socket`: the test plays the engine.
    fn from(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }
}

/// A port nobody listens on now, by UDP or TCP: a SIP profile takes both. It lies below the ports that sockets get by
/// themselves, so that none of them takes it before FreeSWITCH does.
pub async fn free_port() -> SocketAddr {
    // Never one port twice, and other ports than the test process beside this one.
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let turn = std::process::id() % 10_000 * 16 + GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = 30_500 + (turn % 2_200) as u16;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let both = (UdpSocket::bind(address).await, TcpListener::bind(address).await);
        if let (Ok(_), Ok(_)) = both {
            return address;
        }
    }
}

fn write_configuration(
    root: &Path,
    setup: &Setup,
    trunk: SocketAddr,
    phones: SocketAddr,
    control: SocketAddr,
) {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("freeswitch-conf");
    let conf = root.join("conf");
    let copy = |file: &str, change: &dyn Fn(String) -> String| {
        let text = fs::read_to_string(ours.join(file)).expect("a file of freeswitch-conf");
        let path = conf.join(file);
        fs::create_dir_all(path.parent().expect("inside conf")).expect("a folder");
        fs::write(path, change(text)).expect("a file");
    };
    let as_it_is = |text| text;
    copy("vars_dozvon.xml", &|text| {
        text.replace("dozvon_engine=127.0.0.1:8084", &format!("dozvon_engine={}", setup.engine))
    });
    copy("dialplan/public/00_dozvon.xml", &as_it_is);
    copy("dialplan/default/00_dozvon_out.xml", &as_it_is);
    copy("dialplan/dozvon.xml", &as_it_is);
    copy("directory/default/dozvon_employees.xml", &as_it_is);
    copy("autoload_configs/callcenter.conf.xml", &as_it_is);
    copy("autoload_configs/fifo.conf.xml", &as_it_is);
    copy("autoload_configs/event_socket.conf.xml", &|text| {
        text.replace("\"8021\"", &format!("\"{}\"", control.port()))
    });

    // Below: what a stock configuration has, as little of it as these files need. FreeSWITCH reads line by line: a
    // line with <include> in it is dropped, and X-PRE-PROCESS swallows the rest of its line.
    let write = |file: &str, text: String| {
        fs::write(conf.join(file), text).expect("a file");
    };
    write(
        "freeswitch.xml",
        r#"<document type="freeswitch/xml">
<X-PRE-PROCESS cmd="include" data="vars.xml"/>
<section name="configuration">
<X-PRE-PROCESS cmd="include" data="autoload_configs/*.xml"/>
</section>
<section name="dialplan">
<X-PRE-PROCESS cmd="include" data="dialplan/*.xml"/>
</section>
<section name="directory">
<X-PRE-PROCESS cmd="include" data="directory/*.xml"/>
</section>
<section name="languages">
<X-PRE-PROCESS cmd="include" data="autoload_configs/phrases.xml.inc"/>
</section>
</document>"#
            .to_owned(),
    );
    write(
        "vars.xml",
        format!(
            r#"<include>
<X-PRE-PROCESS cmd="set" data="domain={DOMAIN}"/>
<X-PRE-PROCESS cmd="set" data="domain_name={DOMAIN}"/>
<X-PRE-PROCESS cmd="set" data="default_password=1234"/>
<X-PRE-PROCESS cmd="set" data="outbound_caller_name=Dozvon"/>
<X-PRE-PROCESS cmd="set" data="outbound_caller_id={COMPANY}"/>
<X-PRE-PROCESS cmd="set" data="hold_music=silence_stream://-1"/>
<X-PRE-PROCESS cmd="include" data="vars_dozvon.xml"/>
</include>"#
        ),
    );
    for context in ["public", "default"] {
        write(
            &format!("dialplan/{context}.xml"),
            format!(
                r#"<context name="{context}">
<X-PRE-PROCESS cmd="include" data="{context}/*.xml"/>
</context>"#
            ),
        );
    }
    write(
        "directory/default.xml",
        r#"<domain name="$${domain}">
<params><param name="dial-string" value="{^^:sip_invite_domain=${dialed_domain}:presence_id=${dialed_user}@${dialed_domain}}${sofia_contact(*/${dialed_user}@${dialed_domain})}"/></params>
<groups><group name="default"><users>
<X-PRE-PROCESS cmd="include" data="default/*.xml"/>
</users></group></groups>
</domain>"#
            .to_owned(),
    );
    write("autoload_configs/phrases.xml.inc", phrases());
    write("autoload_configs/rest.conf.xml", rest(setup, trunk, phones));
}

/// What mod_voicemail says while it takes a message, without a word: it takes none where a phrase is missing.
fn phrases() -> String {
    let steps = [
        "play_greeting",
        "record_message",
        "record_file_check",
        "record_urgent_check",
        "ack",
        "goodbye",
    ];
    let phrase = |step: &str| {
        format!(
            r#"<macro name="voicemail_{step}"><input pattern="(.*)"><match><action function="execute" data="sleep(50)"/></match></input></macro>"#
        )
    };
    let phrases = steps.map(phrase).concat();
    format!(
        r#"<include>
<language name="en" say-module="en" sound-prefix="/"><phrases><macros>{phrases}</macros></phrases></language>
</include>"#
    )
}

/// The configuration of modules in which these tests are not interested.
fn rest(setup: &Setup, trunk: SocketAddr, phones: SocketAddr) -> String {
    let modules = "console logfile commands dptools dialplan_xml event_socket db hash tone_stream sndfile native_file \
                   loopback sofia callcenter fifo voicemail";
    let load: String =
        modules.split_whitespace().map(|name| format!(r#"<load module="mod_{name}"/>"#)).collect();
    // Below the ports that sockets get by themselves, and unlikely to be those of a test beside this one.
    let rtp = 10_000 + u32::from(fastrand::u8(..)) * 80;
    let profile = |name: &str, address: SocketAddr, context: &str, gateways: &str| {
        format!(
            r#"<profile name="{name}"><gateways>{gateways}</gateways><domains><domain name="all" alias="false" parse="false"/></domains><settings>
<param name="context" value="{context}"/><param name="dialplan" value="XML"/>
<param name="sip-ip" value="{ip}"/><param name="sip-port" value="{port}"/><param name="rtp-ip" value="{ip}"/>
<param name="inbound-codec-prefs" value="PCMA"/><param name="outbound-codec-prefs" value="PCMA"/>
<param name="auth-calls" value="false"/><param name="accept-blind-reg" value="true"/>
<param name="force-register-domain" value="{DOMAIN}"/><param name="force-register-db-domain" value="{DOMAIN}"/>
<param name="hold-music" value="silence_stream://-1"/><param name="rtp-timer-name" value="soft"/>
<param name="manage-presence" value="false"/></settings></profile>"#,
            ip = address.ip(),
            port = address.port(),
        )
    };
    let gateway = format!(
        r#"<gateway name="mobile"><param name="username" value="x"/><param name="password" value="x"/>
<param name="realm" value="{0}"/><param name="proxy" value="{0}"/><param name="register" value="false"/>
<param name="caller-id-in-from" value="true"/></gateway>"#,
        setup.mobile
    );
    format!(
        r#"<include>
<configuration name="switch.conf"><settings><param name="max-sessions" value="1000"/><param name="sessions-per-second" value="500"/>
<param name="loglevel" value="debug"/><param name="rtp-start-port" value="{rtp}"/><param name="rtp-end-port" value="{}"/></settings></configuration>
<configuration name="modules.conf"><modules>{load}</modules></configuration>
<configuration name="console.conf"><mappings><map name="all" value="err,crit,alert"/></mappings><settings/></configuration>
<configuration name="logfile.conf"><settings/><profiles><profile name="default"><settings><param name="rollover" value="0"/></settings>
<mappings><map name="all" value="info,notice,warning,err,crit,alert"/></mappings></profile></profiles></configuration>
<configuration name="acl.conf"><network-lists/></configuration>
<configuration name="db.conf"><settings/></configuration>
<configuration name="hash.conf"><remotes/></configuration>
<configuration name="voicemail.conf"><settings/><profiles><profile name="default"><param name="file-extension" value="wav"/></profile></profiles></configuration>
<configuration name="sofia.conf"><global_settings><param name="log-level" value="0"/></global_settings><profiles>{}{}</profiles></configuration>
</include>"#,
        rtp + 79,
        profile("external", trunk, "public", &gateway),
        profile("internal", phones, "default", ""),
    )
}
