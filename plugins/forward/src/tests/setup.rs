//! Mistakes in the Corefile are told in words that people know.

use catena_testing::Block;

use crate::PLUGIN;

fn mistake(lines: &str) -> String {
    match Block::build(&[&PLUGIN], &format!(". {{\n{lines}\n}}\n")) {
        Ok(_) => panic!("accepted: {lines}"),
        Err(findings) => findings.to_string(),
    }
}

#[test]
fn mistakes_are_told_in_the_words_of_coredns() {
    for (property, words) in [
        ("expire -1s", "expire can't be negative"),
        ("read_timeout 0s", "read_timeout must be positive"),
        ("policy least_conn", "unknown policy 'least_conn'"),
        ("max_idle_conns -1", "max_idle_conns can't be negative: -1"),
        (
            "expire 1m\n max_age 30s",
            "max_age (30s) must not be less than expire (1m0s)",
        ),
        ("failover NOERROR", "NoError cannot be used in failover"),
        ("next NOTANRCODE", "NOTANRCODE is not a valid rcode"),
        (
            "health_check 1s extra",
            "health_check: unknown option extra",
        ),
        (
            "health_check 1s domain bad..name",
            "health_check: invalid domain name bad..name",
        ),
        ("doh_method get", "doh_method must be either POST or GET"),
        ("source_address eth0", "invalid IP address: eth0"),
        ("spray", "unknown property 'spray'"),
        ("tls missing.pem", "error reading missing.pem"),
        (
            "resolver localhost",
            "resolver must be an IP address or IP:port",
        ),
    ] {
        let told = mistake(&format!("forward . 192.0.2.1 {{\n {property}\n}}"));
        assert!(told.contains(words), "{property}: {told}");
    }
}

#[test]
fn more_than_fifteen_upstreams_are_refused() {
    let many = "192.0.2.1 ".repeat(16);
    assert!(mistake(&format!("forward . {many}")).contains("more than 15 TOs configured: 16"));
}

#[test]
fn what_ends_in_a_number_is_no_host_name() {
    for name in ["0", "65536", "127.1", "0x7f000001", "a.300"] {
        let told = mistake(&format!("forward . {name}"));
        let words = format!("lookup {name}: no such host");
        assert!(told.contains(&words), "{told}");
    }
}

#[test]
fn two_server_names_for_one_upstream_are_refused() {
    let told = mistake("forward . tls://192.0.2.1%a.test {\n tls_servername b.test\n}");
    assert!(
        told.contains("both forward ('b.test') and proxy level ('a.test')"),
        "{told}"
    );
}

#[test]
fn a_network_of_several_zones_is_warned_about() {
    let block = Block::build(&[&PLUGIN], ". {\nforward 10.8.0.0/15 192.0.2.1\n}\n").unwrap();
    let warnings = block.warnings().to_string();
    assert!(
        warnings.contains("Using only '8.10.in-addr.arpa.'"),
        "{warnings}"
    );
}
