//! The command `postern`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mailpostern::command::main()
}
