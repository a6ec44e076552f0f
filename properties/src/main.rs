//! The command `postern`.

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main()
}
