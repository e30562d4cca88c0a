//! `secretarybird`: parse, dispatch, exit code. All of it is in the library, see [`api::cli`].

/// See the manifest for why.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    api::cli::main()
}
