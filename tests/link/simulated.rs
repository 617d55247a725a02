//! The control link against the simulated FreeSWITCH.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dozvon::core::ids::{Extension, LegId, NodeId};
use dozvon::core::staff::Presence;
use dozvon::metrics::Metrics;
use dozvon::sim::{CallSpec, FreeSwitch, Script};
use dozvon::switch::control::{Dial, News, NewsReader, NodeConfig, Nodes, Socket};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

struct Simulated {
    freeswitch: FreeSwitch,
    away: AtomicBool,
}

#[async_trait]
impl Dial for Simulated {
    async fn dial(&self, _: &str) -> io::Result<Box<dyn Socket>> {
        if self.away.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(Box::new(self.freeswitch.control_pipe()))
    }
}

/// The next resync, at the latest after the longest pause.
async fn resynced(news: &mut NewsReader) -> Arc<std::collections::HashSet<LegId>> {
    let waited = async {
        loop {
            if let News::Resynced { channels, .. } = news.next().await {
                return channels;
            }
        }
    };
    timeout(Duration::from_secs(40), waited).await.unwrap()
}

async fn until_busy(nodes: &Nodes, busy: bool) {
    let (presence, line) = (nodes.presence(), Extension::parse("101").unwrap());
    let waited = async {
        while presence.busy(&line) != Some(busy) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), waited).await.unwrap();
}

/// Pitfalls 6 and 7: the link falls 50 times in the middle of a talk; every second talk ends
/// while it is down. After each gap it is known which talk lives.
#[tokio::test(start_paused = true)]
async fn pitfalls_6_and_7_fifty_gaps_and_every_talk_is_known_after_them() {
    let freeswitch = FreeSwitch::builder()
        .phone("101", Script::answers(Duration::from_secs(1)))
        .extension("200", &[("bridge", "user/101")])
        .start()
        .await
        .unwrap();
    let simulated = Arc::new(Simulated { freeswitch, away: AtomicBool::new(false) });
    let config = NodeConfig::new(NodeId::new("fs"), "simulated", "ClueCon");
    let metrics = Arc::new(Metrics::new().unwrap());
    let cancel = CancellationToken::new();
    let nodes = Nodes::start_with(simulated.clone(), vec![config], metrics, cancel.clone());
    let mut news = nodes.news();
    resynced(&mut news).await;
    let mut random = fastrand::Rng::with_seed(7);
    for gap in 0..50 {
        let call = simulated.freeswitch.call(CallSpec::new("79161234567", "200"));
        let leg = LegId::new(call.uuid());
        until_busy(&nodes, true).await;
        simulated.away.store(true, Ordering::Relaxed);
        simulated.freeswitch.cut_control();
        while !matches!(news.next().await, News::Down(_)) {}
        let ends = gap % 2 == 1;
        sleep(Duration::from_secs(random.u64(2..60))).await;
        if ends {
            call.hang_up();
            sleep(Duration::from_secs(1)).await;
        }
        simulated.away.store(false, Ordering::Relaxed);
        let live = resynced(&mut news).await;
        assert_eq!(live.contains(&leg), !ends, "gap {gap}");
        until_busy(&nodes, !ends).await;
        call.hang_up();
        until_busy(&nodes, false).await;
        call.report().await;
    }
    cancel.cancel();
    nodes.stopped().await;
}
