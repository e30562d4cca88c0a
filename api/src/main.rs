//! `secretarybird`: parse, dispatch, exit code. All of it is in the library, see [`api::cli`].
fn main() -> std::process::ExitCode {
    api::cli::main()
}
