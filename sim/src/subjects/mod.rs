//! Implementations that nobody here wrote, one small adapter each. An adapter does what the documentation of its library
//! tells a user to do, and nothing besides.
//!
//! `mailrs-smtp-client` is not among them: its only constructor dials a socket of the operating system itself, so it would run
//! here only as an altered copy of its source. Nor is `smtpd`, whose only way to serve is to listen at an address of the operating
//! system, nor `mailin-embedded`, for the same reason; what that serves by is `mailin`, which is.

mod async_smtp;
mod impatient;
mod io_smtp;
mod kannader;
mod lettre;
mod lines;
mod mail_send;
mod mailin;
mod mailrs;
mod samotop;

use crate::subject::{ServerSubjectRef, Subject};

/// Every client under test, in the order of reports.
pub const CLIENTS: &[Subject] = &[
    Subject(&lettre::Lettre::REQUIRED),
    Subject(&lettre::Lettre::OPPORTUNISTIC),
    Subject(&mail_send::MailSend),
    Subject(&async_smtp::AsyncSmtp),
    Subject(&io_smtp::IoSmtp),
];

/// lettre, in whichever of its modes the policy of each world asks for, and believing whom that policy believes.
pub const LETTRE: Subject = Subject(&lettre::Lettre::BY_POLICY);

/// Every server under test, in the order of reports.
pub const SERVERS: &[ServerSubjectRef] = &[
    ServerSubjectRef(&kannader::Kannader),
    ServerSubjectRef(&mailin::Mailin),
    ServerSubjectRef(&mailrs::MailrsSmtpProto),
    ServerSubjectRef(&samotop::Samotop),
];

#[cfg(test)]
mod server_tests;
#[cfg(test)]
mod tests;
