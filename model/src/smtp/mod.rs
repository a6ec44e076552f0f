//! The text of SMTP: commands, replies, lines, dots.
