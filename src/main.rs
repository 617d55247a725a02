//! Reads the command line and runs one verb.

use std::process::ExitCode;

use clap::Parser;
use dozvon::cli::Cli;

/// glibc gives the memory of a read event back to the kernel and takes it again with the next one:
/// 1.5 `madvise` a call, each with the faults that follow. This one keeps it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> miette::Result<ExitCode> {
    let cli = Cli::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = cli.workers() {
        runtime.worker_threads(workers);
    }
    let runtime = runtime.enable_all().build().map_err(|error| {
        miette::miette!(
            help = "the system gives no threads to this process",
            "cannot start: {error}"
        )
    })?;
    runtime.block_on(async {
        let done = cli.run().await;
        dozvon::crm::amocrm::exchanges_end().await;
        done
    })
}
