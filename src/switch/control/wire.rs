//! How a connection is made: over TCP, or by whoever stands in for FreeSWITCH.

use std::io;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Bytes in both directions.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Makes connections to nodes.
#[async_trait]
pub trait Dial: Send + Sync {
    /// Connects to `host:port`. May be dropped at any point.
    ///
    /// # Errors
    /// What the system says.
    async fn dial(&self, address: &str) -> io::Result<Box<dyn Socket>>;
}

/// Plain TCP.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

#[async_trait]
impl Dial for Tcp {
    async fn dial(&self, address: &str) -> io::Result<Box<dyn Socket>> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Box::new(socket))
    }
}
