//! The address of the client of a request, for limits of failed log-ins.

use std::net::{IpAddr, SocketAddr};

use crate::config::network::Network;
use crate::http::head::Head;

/// Length of the IPv6 prefix that one site usually has, in bits.
const SITE_PREFIX_BITS: u32 = 64;

/// Returns the address of the client: that of the connection, or, if this is a trusted proxy, the last
/// address in `X-Forwarded-For` that is not one. An IPv6 address is reduced to its /64 prefix, since one
/// machine can use any address within it. Empty for a request that the server made itself.
pub fn client_address(http: &Head, trusted: &[Network]) -> String {
    client_ip(http, trusted).map_or_else(String::new, site_of)
}

/// Returns the address of the client as [`client_address`] does, whole; none for a request that the server made itself.
pub fn client_ip(http: &Head, trusted: &[Network]) -> Option<IpAddr> {
    let headers = http.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let forwarded: Vec<&str> = headers.flat_map(|value| value.split(',')).collect();
    let peer = http.client_request().and_then(|http| http.peer_addr())?;
    Some(client(peer.ip().to_canonical(), &forwarded, trusted))
}

fn client(peer: IpAddr, forwarded: &[&str], trusted: &[Network]) -> IpAddr {
    // Each proxy appends the address that it was contacted from, so only the part that trusted proxies
    // appended, read from the end, can be believed. The client itself may have sent anything before that.
    let mut client = peer;
    for name in forwarded.iter().rev() {
        if !trusted.iter().any(|network| network.contains(client)) {
            break;
        }
        // A trusted proxy writes valid addresses, so this entry was sent by the client.
        let Some(address) = address(name.trim()) else { break };
        client = address.to_canonical();
    }
    client
}

/// Parses an address with or without a port, in the forms that proxies write.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn site_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}", address.to_bits() >> (u128::BITS - SITE_PREFIX_BITS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_that_is_no_trusted_proxy_is_the_client() {
        let trusted: Vec<Network> =
            ["127.0.0.1", "10.0.0.0/8"].iter().map(|text| Network::try_from((*text).to_owned()).unwrap()).collect();
        let from = |peer: &str, forwarded: &[&str]| client(peer.parse().unwrap(), forwarded, &trusted).to_string();
        assert_eq!(from("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(from("127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(from("127.0.0.1", &["203.0.113.7", " 10.1.2.3:4711 "]), "203.0.113.7");
        // An entry that the client sent itself precedes those of the proxies.
        assert_eq!(from("127.0.0.1", &["198.51.100.1", "203.0.113.7"]), "203.0.113.7");
        assert_eq!(from("127.0.0.1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(from("127.0.0.1", &["unknown"]), "127.0.0.1");
        assert_eq!(from("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn of_ipv6_it_is_the_network() {
        let site_of = |text: &str| site_of(text.parse().unwrap());
        assert_eq!(site_of("2001:db8:1:2::1"), site_of("2001:db8:1:2:ffff::"));
        assert_ne!(site_of("2001:db8:1:2::1"), site_of("2001:db8:1:3::1"));
        assert_eq!(site_of("203.0.113.7"), "203.0.113.7");
    }
}
