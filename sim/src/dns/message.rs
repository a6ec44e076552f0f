//! Questions and answers as DNS messages (RFC 1035 §4).

use std::net::IpAddr;

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use postern_model::name::DomainName;
use postern_model::trace::Answer;

use super::zones::Found;
use super::{ALIASES_MAX, Asked, Kind, LARGEST_MESSAGE};

/// The header (RFC 1035 §4.1.1), and the least that a query (§4.1.2) and a record (§4.1.3) have: a name of one octet and
/// what stands behind it.
const HEADER_OCTETS: usize = 12;
const QUERY_OCTETS_MIN: usize = 1 + 4;
const RECORD_OCTETS_MIN: usize = 1 + 10;

/// The query that asks a question.
///
/// # Errors
/// When the name has no form on the wire.
pub(super) fn write_query(id: u16, asked: &Asked) -> Result<Vec<u8>, ProtoError> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(query(asked)?);
    let mut edns = Edns::new();
    edns.set_max_payload(LARGEST_MESSAGE);
    message.set_edns(edns);
    message.to_vec()
}

/// The id of a query and what it asks; none if it is not one that a resolver here can answer.
pub(super) fn read_query(octets: &[u8]) -> Option<(u16, Asked)> {
    let message = parse(octets)?;
    let metadata = &message.metadata;
    let is_query = metadata.message_type == MessageType::Query && metadata.op_code == OpCode::Query;
    let [query] = &message.queries[..] else {
        return None;
    };
    let name = domain_name(query.name())?;
    let kind = match query.query_type() {
        RecordType::MX => Kind::Mx,
        RecordType::A => Kind::Ipv4,
        RecordType::AAAA => Kind::Ipv6,
        _ => return None,
    };
    (is_query && query.query_class() == DNSClass::IN).then_some((metadata.id, Asked { name, kind }))
}

/// The reply that carries an answer, which may be cached for so long.
///
/// # Errors
/// When a name has no form on the wire.
pub(super) fn write_reply(id: u16, asked: &Asked, found: &Found) -> Result<Vec<u8>, ProtoError> {
    let mut message = Message::response(id, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.recursion_available = true;
    let query = query(asked)?;
    let seconds = u32::try_from(found.time_to_live.as_secs()).unwrap_or(u32::MAX);
    let mut owner = query.name().clone();
    for target in &found.aliases {
        let target = wire_name(target)?;
        let record = Record::from_rdata(owner, seconds, RData::CNAME(CNAME(target.clone())));
        message.add_answer(record);
        owner = target;
    }
    let record = |data| Record::from_rdata(owner.clone(), seconds, data);
    match &found.answer {
        Answer::Exchangers(exchangers) | Answer::NullMx { beside: exchangers } => {
            if matches!(found.answer, Answer::NullMx { .. }) {
                message.add_answer(record(RData::MX(MX::new(0, Name::root()))));
            }
            for (preference, host) in exchangers {
                message.add_answer(record(RData::MX(MX::new(*preference, wire_name(host)?))));
            }
        }
        Answer::Addresses(addresses) => {
            message.add_answers(addresses.iter().map(|address| match address {
                IpAddr::V4(ip) => record(RData::A(A(*ip))),
                IpAddr::V6(ip) => record(RData::AAAA(AAAA(*ip))),
            }));
        }
        Answer::NoData => {}
        Answer::NoName => message.metadata.response_code = ResponseCode::NXDomain,
        Answer::Failed => message.metadata.response_code = ResponseCode::ServFail,
    }
    message.add_query(query);
    message.to_vec()
}

/// What a datagram answers to the question that was asked under this id; none if it is no reply to it at all.
pub(super) fn read_reply(octets: &[u8], id: u16, asked: &Asked) -> Option<Answer> {
    let message = parse(octets)?;
    let metadata = &message.metadata;
    let query = query(asked).ok()?;
    if metadata.id != id || metadata.message_type != MessageType::Response || message.queries != [query.clone()] {
        return None;
    }
    let owner = follow_aliases(query.name(), &message.answers);
    let data = message
        .answers
        .iter()
        .filter(|record| record.name == *owner && record.dns_class == DNSClass::IN)
        .map(|record| &record.data);
    Some(match metadata.response_code {
        ResponseCode::NoError if metadata.truncation => Answer::Failed,
        ResponseCode::NoError => read_records(asked.kind, data),
        ResponseCode::NXDomain => Answer::NoName,
        _ => Answer::Failed,
    })
}

/// A message, if the sections that its header announces have room in it: the parser takes memory for all that is announced
/// before it reads the first record.
fn parse(octets: &[u8]) -> Option<Message> {
    let (header, sections) = octets.split_at_checked(HEADER_OCTETS)?;
    let count = |place: usize| usize::from(u16::from_be_bytes([header[place], header[place + 1]]));
    let (queries, records) = (count(4), count(6) + count(8) + count(10));
    let has_room = queries * QUERY_OCTETS_MIN + records * RECORD_OCTETS_MIN <= sections.len();
    has_room.then(|| Message::from_vec(octets).ok()).flatten()
}

/// The name that an alias leads to within a reply. A chain that is too long, or a circle, leads nowhere of use.
fn follow_aliases<'a>(name: &'a Name, records: &'a [Record]) -> &'a Name {
    let mut name = name;
    for _ in 0..ALIASES_MAX {
        let alias = records.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == *name => Some(&target.0),
            _ => None,
        });
        match alias {
            Some(target) => name = target,
            None => break,
        }
    }
    name
}

fn read_records<'a>(kind: Kind, data: impl Iterator<Item = &'a RData>) -> Answer {
    match kind {
        Kind::Mx => read_exchangers(data),
        Kind::Ipv4 | Kind::Ipv6 => {
            let addresses = data.filter_map(|data| match (kind, data) {
                (Kind::Ipv4, RData::A(address)) => Some(address.0.into()),
                (Kind::Ipv6, RData::AAAA(address)) => Some(address.0.into()),
                _ => None,
            });
            match addresses.collect::<Vec<_>>() {
                none if none.is_empty() => Answer::NoData,
                addresses => Answer::Addresses(addresses),
            }
        }
    }
}

fn read_exchangers<'a>(data: impl Iterator<Item = &'a RData>) -> Answer {
    let records = data.filter_map(|data| match data {
        RData::MX(mx) => Some(mx),
        _ => None,
    });
    let (null, named): (Vec<&MX>, Vec<&MX>) = records.partition(|mx| mx.preference == 0 && mx.exchange.is_root());
    let named = named
        .into_iter()
        .map(|mx| domain_name(&mx.exchange).map(|host| (mx.preference, host)));
    // An exchanger that is no host name cannot be mailed to: better to ask again than to do without it.
    match named.collect::<Option<Vec<_>>>() {
        None => Answer::Failed,
        Some(beside) if !null.is_empty() => Answer::NullMx { beside },
        Some(none) if none.is_empty() => Answer::NoData,
        Some(exchangers) => Answer::Exchangers(exchangers),
    }
}

fn query(asked: &Asked) -> Result<Query, ProtoError> {
    let kind = match asked.kind {
        Kind::Mx => RecordType::MX,
        Kind::Ipv4 => RecordType::A,
        Kind::Ipv6 => RecordType::AAAA,
    };
    Ok(Query::query(wire_name(&asked.name)?, kind))
}

fn wire_name(name: &DomainName) -> Result<Name, ProtoError> {
    let mut wire_name = Name::from_ascii(name.as_str())?;
    wire_name.set_fqdn(true);
    Ok(wire_name)
}

fn domain_name(name: &Name) -> Option<DomainName> {
    name.to_ascii().trim_end_matches('.').parse().ok()
}
