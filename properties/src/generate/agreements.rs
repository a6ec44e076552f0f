//! Agreements between the sending MTA and servers: from it they take mail inside TLS only (RFC 3207 §6).

use super::draw::Draw;
use super::topology::Topology;

/// Tells this stream from that of the rest of the world, which the same seed begins.
const PURPOSE: u64 = 0x6167_7265_6564_2074;

/// In some worlds some servers require TLS of the sender. That comes from a stream of its own, so that the rest of the world is
/// what it would be without.
pub(super) fn draw(seed: u64, topology: &mut Topology) {
    let mut draw = Draw::from_seed(seed ^ PURPOSE);
    if !draw.percent(6) {
        return;
    }
    let sender = topology.sender.clone();
    let servers = topology.scenario.host.iter_mut();
    for server in servers.filter(|server| server.name != sender && !server.impostor) {
        // One that has no TLS would never take anything from it: a siege of the sender's own making.
        if server.tls.is_on() && draw.percent(50) {
            server.requires_tls_of.push(sender.clone());
        }
    }
}
