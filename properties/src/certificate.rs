//! What a certificate proves, by the judges' own reading of RFC 6125 §6.4 and RFC 5280 §6.

use postern_model::name::DomainName;
use postern_model::scenario::Certificate;
use postern_model::trace::Presented;

/// Whether a certificate proves that its holder is the host or domain of this name.
pub(crate) fn proves(presented: &Presented, name: &DomainName) -> bool {
    presented.trusted && presented.current && presented.names.iter().any(|pattern| covers(pattern, name))
}

/// Whether a name in a subjectAltName covers a name. The names of subjects (CN) are not looked at.
///
/// A wildcard stands for exactly one label, the first, and is the whole of it; of the two forms that RFC 6125 §6.4.3 leaves to
/// the client, `m*.b.example` covers nothing, as RFC 9525 §6.3 has it. At least two labels follow it: nobody may speak for
/// all that is registered below one suffix.
fn covers(pattern: &str, name: &DomainName) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match (pattern.strip_prefix("*."), name.as_str().split_once('.')) {
        (None, _) => pattern == name.as_str(),
        (Some(parent), Some((_, behind))) => parent.contains('.') && !parent.contains('*') && parent == behind,
        (Some(_), None) => false,
    }
}

/// The names on a believable certificate of this kind, for a host of this name that serves these domains; none for kinds
/// that nobody may believe. What a client sees depends on whom it names ([`Certificate::ByIndication`]): here it names one of
/// them.
pub(crate) fn believable_names(kind: Certificate, host: &DomainName, served: &[&DomainName]) -> Vec<String> {
    let others = served.iter().filter(|name| **name != host).map(ToString::to_string);
    match kind {
        Certificate::Valid | Certificate::Intermediate | Certificate::Revoked | Certificate::ByIndication => {
            std::iter::once(host.to_string()).chain(others).collect()
        }
        Certificate::Wildcard => {
            let parent = host.as_str().split_once('.').map_or("", |(_, parent)| parent);
            std::iter::once(format!("*.{parent}")).chain(others).collect()
        }
        Certificate::HostNameOnly | Certificate::OtherNamesRefused => vec![host.to_string()],
        Certificate::Expired
        | Certificate::NotYetValid
        | Certificate::WrongName
        | Certificate::SelfSigned
        | Certificate::UnknownAuthority
        | Certificate::MissingIntermediate
        | Certificate::CommonNameOnly
        | Certificate::PartialWildcard
        | Certificate::WideWildcard
        | Certificate::NameConstraint
        | Certificate::PathLength => Vec::new(),
    }
}

/// The names among these that a host proves with a certificate of this kind.
pub(crate) fn proved<'a>(
    kind: Certificate,
    host: &DomainName,
    served: &[&DomainName],
    among: impl Iterator<Item = &'a DomainName>,
) -> Vec<&'a DomainName> {
    let on_it = believable_names(kind, host, served);
    let is_covered = |name: &&DomainName| on_it.iter().any(|pattern| covers(pattern, name));
    among.filter(is_covered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().expect("a name")
    }

    #[test]
    fn a_name_covers_itself_and_a_wildcard_exactly_one_label() {
        for (pattern, covered, expected) in [
            ("mx1.b.example", "mx1.b.example", true),
            ("MX1.B.example", "mx1.b.example", true),
            ("b.example", "mx1.b.example", false),
            ("*.b.example", "mx1.b.example", true),
            ("*.b.example", "b.example", false),
            ("*.b.example", "a.mx1.b.example", false),
            ("*.example", "b.example", false),
            ("*.example", "mx1.b.example", false),
            ("*", "b.example", false),
            ("*.*.example", "mx1.b.example", false),
            ("m*.b.example", "mx1.b.example", false),
            ("mx1.*.example", "mx1.b.example", false),
        ] {
            assert_eq!(covers(pattern, &name(covered)), expected, "{pattern} {covered}");
        }
    }

    #[test]
    fn only_a_trusted_certificate_in_date_proves_anything() {
        for (trusted, current) in [(true, true), (true, false), (false, true), (false, false)] {
            let names = vec!["b.example".to_owned()];
            let presented = Presented {
                names,
                trusted,
                current,
            };
            assert_eq!(proves(&presented, &name("b.example")), trusted && current);
        }
    }

    #[test]
    fn what_an_attacker_can_have_proves_nothing_unless_it_was_stolen() {
        for kind in Certificate::ALL {
            let proves_something = !believable_names(*kind, &name("mx1.b.example"), &[]).is_empty();
            let is_an_owners = !kind.can_be_an_attackers() || *kind == Certificate::Revoked;
            assert_eq!(proves_something, is_an_owners, "{kind:?}");
        }
    }
}
