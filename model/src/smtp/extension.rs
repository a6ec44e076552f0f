//! The service extensions that a server lists in its reply to EHLO (RFC 5321 §4.1.1.1).

use super::reply::Reply;

/// What of the extensions matters here, and whether the server has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Extensions {
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// SIZE (RFC 1870): the keyword, whatever limit stands behind it.
    pub size: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
}

impl Extensions {
    /// Those that a 250 reply to EHLO lists. The first line greets; unknown keywords are passed over.
    pub fn of(reply: &Reply) -> Self {
        let mut extensions = Self::default();
        for line in reply.lines.iter().skip(1) {
            let keyword = line.split_ascii_whitespace().next().unwrap_or_default();
            match keyword.to_ascii_uppercase().as_str() {
                "STARTTLS" => extensions.starttls = true,
                "SIZE" => extensions.size = true,
                "8BITMIME" => extensions.eight_bit_mime = true,
                "DSN" => extensions.dsn = true,
                "PIPELINING" => extensions.pipelining = true,
                "ENHANCEDSTATUSCODES" => extensions.enhanced_status_codes = true,
                _ => {}
            }
        }
        extensions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(lines: &[&str]) -> Extensions {
        Extensions::of(&Reply {
            code: 250,
            enhanced: None,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        })
    }

    #[test]
    fn keywords_count_in_any_case_and_with_parameters() {
        let extensions = listed(&["b.example", "starttls", "SIZE 1000", "X-OTHER", "8bitMIME"]);
        assert!(extensions.starttls && extensions.size && extensions.eight_bit_mime && !extensions.pipelining);
    }

    #[test]
    fn the_greeting_line_and_an_overwritten_keyword_list_nothing() {
        assert_eq!(listed(&["STARTTLS", "XXXXXXXX", ""]), Extensions::default());
    }
}
