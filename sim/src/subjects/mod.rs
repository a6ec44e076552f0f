//! Implementations that nobody here wrote, one small adapter each.

pub(crate) mod lettre;
