//! What it looked like: reviewed pictures of what the other packages say, and the tests that hold them.
//!
//! `transcripts/` has one for each named scenario, `tables/` what is decided by table, `pictures/` the state diagrams of the
//! sessions, `help/` what the command says of itself. The package has no code of its own; it is a member of the workspace so that `cargo insta review` at the root
//! finds what changed.
