//! Reads the command line and runs one verb.

use std::process::ExitCode;

use clap::Parser;
use dozvon::cli::Cli;

/// glibc gives the memory of a read event back to the kernel and takes it again with the next one:
/// 1.5 `madvise` a call, each with the faults that follow. This one keeps it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> miette::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        miette::miette!(
            help = "the system gives no threads to this process",
            "cannot start: {error}"
        )
    })?;
    runtime.block_on(Cli::parse().run())
}
