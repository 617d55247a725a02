//! Links to sounds. Whoever has one may listen until it expires; nobody can make one without the
//! key.
//!
//! Nothing is kept of a link: it holds the file's path below its shelf, and the signature covers
//! shelf, path and expiry.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::template::below;

/// Everything but the unreserved characters of RFC 3986, and the `/` between parts.
const PART: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What kind of sound: the first part of a link's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Talks.
    Recordings,
    /// Messages that were left.
    Voicemail,
}

impl Shelf {
    /// The word in the link.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recordings => "recordings",
            Self::Voicemail => "voicemail",
        }
    }

    /// Reads it back.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Recordings, Self::Voicemail].into_iter().find(|shelf| shelf.as_str() == word)
    }
}

/// Why a link opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Signature or expiry is missing, changed or of another key.
    #[error("the link is not whole, or was changed: copy all of it from where it was given")]
    Forged,
    /// Its time is over.
    #[error("the link is no longer valid: ask for a new one")]
    Expired,
}

/// Who serves the sounds.
#[derive(Clone)]
pub enum Server {
    /// The engine, by signed links.
    Own {
        /// Its address as the company's people reach it, without a `/` at its end.
        url: String,
        /// What links are signed with.
        key: Key,
    },
    /// A web server of the company's own, which knows by itself who may listen.
    Company {
        /// What stands before the path.
        url: String,
    },
}

/// A secret that signs. Never printed.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Of any length; 32 random bytes are right.
    pub fn new(secret: &[u8]) -> Self {
        // A block of HMAC-SHA-256, so that a secret of any length fits.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(Sha256::digest(secret)) {
            *to = from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// Signs a text for one purpose: no signature is good for another. Hexadecimal.
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        hex(&self.about(purpose, text).finalize().into_bytes())
    }

    /// Whether this is the signature. Compares in constant time.
    pub fn signed(&self, purpose: &str, text: &str, signature: &str) -> bool {
        let signature = unhex(signature);
        signature.is_some_and(|bytes| self.about(purpose, text).verify_slice(&bytes).is_ok())
    }

    fn about(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // A link's text has three lines, this has two.
        mac.update(format!("{purpose}\n{}", text.replace('\n', " ")).as_bytes());
        mac
    }

    fn over(&self, shelf: Shelf, path: &str, expires: Timestamp) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // No path has a line end in it, so that no two links have one text.
        let text = format!("{}\n{path}\n{}", shelf.as_str(), expires.as_second());
        mac.update(text.as_bytes());
        mac
    }
}

/// Makes links and opens them.
#[derive(Clone)]
pub struct Links {
    server: Server,
    recordings: PathBuf,
    voicemail: Option<PathBuf>,
}

impl Links {
    /// `recordings` and `voicemail` are the folders as FreeSWITCH names them.
    pub fn new(server: Server, recordings: PathBuf, voicemail: Option<PathBuf>) -> Self {
        Self { server, recordings, voicemail }
    }

    /// The link to a file, which need not be there yet. `None`: it is in none of the folders.
    pub fn link(&self, file: &str, expires: Timestamp) -> Option<String> {
        let file = Path::new(file);
        let talk = || Some((Shelf::Recordings, below(&self.recordings, file)?));
        let message = || Some((Shelf::Voicemail, below(self.voicemail.as_deref()?, file)?));
        let (shelf, path) = talk().or_else(message)?;
        let encoded = utf8_percent_encode(&path, PART);
        match &self.server {
            Server::Company { url } => (shelf == Shelf::Recordings)
                .then(|| format!("{}/{encoded}", url.trim_end_matches('/'))),
            Server::Own { url, key } => {
                let signature = hex(&key.over(shelf, &path, expires).finalize().into_bytes());
                Some(format!(
                    "{}/{}/{encoded}?expires={}&signature={signature}",
                    url.trim_end_matches('/'),
                    shelf.as_str(),
                    expires.as_second(),
                ))
            }
        }
    }

    /// The file a link leads to. `path` as it stands behind the shelf, decoded.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn open(
        &self,
        shelf: Shelf,
        path: &str,
        expires: &str,
        signature: &str,
        now: Timestamp,
    ) -> Result<PathBuf, LinkError> {
        let Server::Own { key, .. } = &self.server else { return Err(LinkError::Forged) };
        let folder = self.folder(shelf).ok_or(LinkError::Forged)?;
        let expires = expires.parse().ok().and_then(|s| Timestamp::from_second(s).ok());
        let expires = expires.ok_or(LinkError::Forged)?;
        let signature = unhex(signature).ok_or(LinkError::Forged)?;
        // Compares in constant time.
        key.over(shelf, path, expires).verify_slice(&signature).map_err(|_| LinkError::Forged)?;
        if expires < now {
            return Err(LinkError::Expired);
        }
        // What we signed is below the folder; this holds should the key be known to others.
        let inside = Path::new(path);
        if !inside.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(LinkError::Forged);
        }
        Ok(folder.join(inside))
    }

    /// The folder of a shelf.
    pub fn folder(&self, shelf: Shelf) -> Option<&Path> {
        match shelf {
            Shelf::Recordings => Some(&self.recordings),
            Shelf::Voicemail => self.voicemail.as_deref(),
        }
    }

    /// Whether the engine serves the files.
    pub fn own(&self) -> bool {
        matches!(self.server, Server::Own { .. })
    }
}

/// In small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|n| u8::from_str_radix(text.get(n..n + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn links(secret: &[u8]) -> Links {
        let server = Server::Own { url: "https://pbx.example".into(), key: Key::new(secret) };
        Links::new(server, "/rec".into(), Some("/vm".into()))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What a web server takes out of a link.
    fn taken(link: &str) -> (Shelf, String, String, String) {
        let rest = link.strip_prefix("https://pbx.example/").unwrap();
        let (path, query) = rest.split_once('?').unwrap();
        let (shelf, path) = path.split_once('/').unwrap();
        let path = percent_encoding::percent_decode_str(path).decode_utf8().unwrap().into_owned();
        let (expires, signature) = query.split_once('&').unwrap();
        let value = |text: &str| text.split_once('=').unwrap().1.to_owned();
        (Shelf::named(shelf).unwrap(), path, value(expires), value(signature))
    }

    #[test]
    fn a12_a_link_made_before_the_file_is_there_leads_to_it() {
        let links = links(b"secret");
        for file in ["/rec/2026-11-20/a-1.wav", "/rec/Запись it's 100% ?#&.wav", "/vm/101/msg.wav"]
        {
            let link = links.link(file, at(60)).unwrap();
            assert!(link.is_ascii() && !link.contains(' '), "{link}");
            let (shelf, path, expires, signature) = taken(&link);
            let opened = links.open(shelf, &path, &expires, &signature, NOW);
            assert_eq!(opened, Ok(PathBuf::from(file)));
        }
    }

    #[test]
    fn a_link_lives_until_it_expires() {
        let links = links(b"secret");
        let link = links.link("/rec/a.wav", at(60)).unwrap();
        let (shelf, path, expires, signature) = taken(&link);
        assert!(links.open(shelf, &path, &expires, &signature, at(60)).is_ok());
        let late = links.open(shelf, &path, &expires, &signature, at(61));
        assert_eq!(late, Err(LinkError::Expired));
    }

    #[test]
    fn no_part_of_a_link_can_be_changed() {
        let links = links(b"secret");
        let (shelf, path, expires, signature) = taken(&links.link("/rec/a.wav", at(60)).unwrap());
        let other = super::tests::links(b"another");
        let longer = format!("{signature}00");
        let upper = format!("{}g", &signature[..63]);
        for (links, shelf, path, expires, signature) in [
            (&links, Shelf::Voicemail, path.as_str(), "60", signature.as_str()),
            (&links, shelf, "b.wav", "60", &signature),
            (&links, shelf, "../a.wav", "60", &signature),
            (&links, shelf, &path, "61", &signature),
            (&links, shelf, &path, "", &signature),
            (&links, shelf, &path, "9999999999999999", &signature),
            (&links, shelf, &path, "60", ""),
            (&links, shelf, &path, "60", &signature[..62]),
            (&links, shelf, &path, "60", &longer),
            (&links, shelf, &path, "60", &upper),
            (&other, shelf, &path, "60", &signature),
        ] {
            let opened = links.open(shelf, path, expires, signature, NOW);
            assert_eq!(opened, Err(LinkError::Forged), "{path} {expires} {signature}");
        }
        assert!(links.open(shelf, &path, &expires, &signature, NOW).is_ok());
    }

    #[test]
    fn a_signature_is_good_for_one_text_one_purpose_and_one_key() {
        let key = Key::new(b"secret");
        let signature = key.sign("callback", "a-1");
        assert!(key.signed("callback", "a-1", &signature));
        assert!(!key.signed("callback", "a-2", &signature));
        assert!(!key.signed("recordings", "a-1", &signature));
        assert!(!Key::new(b"another").signed("callback", "a-1", &signature));
        for broken in ["", "00", "zz", &signature[2..]] {
            assert!(!key.signed("callback", "a-1", broken), "{broken}");
        }
    }

    #[test]
    fn a_file_outside_of_the_folders_has_no_link() {
        let links = links(b"secret");
        for file in ["/etc/passwd", "/rec/../etc/passwd", "/rec", "/recordings/a.wav", "a.wav"] {
            assert_eq!(links.link(file, at(60)), None, "{file}");
        }
    }

    #[test]
    fn the_companys_own_server_gets_the_path_and_no_signature() {
        let server = Server::Company { url: "https://rec.example/calls/".into() };
        let links = Links::new(server, "/rec".into(), Some("/vm".into()));
        let link = links.link("/rec/2026/Запись 1.wav", at(60)).unwrap();
        let name = "%D0%97%D0%B0%D0%BF%D0%B8%D1%81%D1%8C%201.wav";
        assert_eq!(link, format!("https://rec.example/calls/2026/{name}"));
        assert_eq!(links.link("/vm/101/msg.wav", at(60)), None);
    }
}
