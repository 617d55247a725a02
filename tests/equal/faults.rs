//! What fails.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dozvon::core::client::Client;
use dozvon::core::phone::Phone;
use dozvon::core::staff::Employee;
use dozvon::crm::{ApplyError, Crm, CrmError, Done, Work};
use dozvon::sim::Io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::in_process::MemoryCrm;

/// Every third question is not answered, and nothing can be told.
pub struct Faulty {
    crm: MemoryCrm,
    asked: AtomicUsize,
}

impl Faulty {
    pub fn new(crm: MemoryCrm) -> Self {
        Self { crm, asked: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Crm for Faulty {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        match self.asked.fetch_add(1, Ordering::Relaxed) % 3 {
            2 => Err(CrmError::Fault("by the test".into())),
            _ => self.crm.find(phone).await,
        }
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        self.crm.employees().await
    }

    async fn apply(&self, _work: &Work<'_>) -> Result<Done, ApplyError> {
        Err(ApplyError::Later { after: None, why: "by the test".into() })
    }
}

type Connecting = Pin<Box<dyn Future<Output = std::io::Result<Box<dyn Io>>> + Send>>;

/// Connections that break after so many bytes from FreeSWITCH: behind the handshake, each a little
/// later than the one before.
pub fn cut() -> Arc<dyn Fn(&str) -> Connecting + Send + Sync> {
    let number = AtomicUsize::new(0);
    Arc::new(move |target| {
        let target = target.to_owned();
        let bytes = 12_000 + number.fetch_add(1, Ordering::Relaxed) % 64 * 2_000;
        Box::pin(async move {
            let engine = TcpStream::connect(target).await?;
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            tokio::spawn(async move {
                let (mut from_engine, mut to_engine) = engine.into_split();
                let (from_switch, mut to_switch) = tokio::io::split(theirs);
                let mut limited = from_switch.take(bytes as u64);
                let there = async {
                    let _ = tokio::io::copy(&mut limited, &mut to_engine).await;
                };
                let back = async {
                    let _ = tokio::io::copy(&mut from_engine, &mut to_switch).await;
                };
                tokio::select! {
                    () = there => {}
                    () = back => {}
                }
                let _ = to_engine.shutdown().await;
            });
            Ok(Box::new(ours) as Box<dyn Io>)
        })
    })
}
