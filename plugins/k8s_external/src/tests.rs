//! Tests of k8s_external against a cluster that is made up.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::IpAddr;

use catena_dns::NameRef;
use catena_plugin::{
    External, ExternalHost, ExternalNames, ExternalTarget, Headless, Plugin, Registration,
};
use catena_testing::{Block, check_chain, expect, plugin_contract_beside};

use crate::PLUGIN;

/// A stage that knows two services: `web.shop` at an address, `lb.shop` behind a name.
struct Cluster;

static CLUSTER: Registration = Registration {
    name: "cluster",
    setup: |cx| {
        cx.add_stage(Cluster);
        Ok(())
    },
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: "",
};

impl Plugin for Cluster {
    fn external_names(&self) -> Option<&dyn ExternalNames> {
        Some(self)
    }
}

impl ExternalNames for Cluster {
    fn find(&self, name: NameRef<'_>, _: Headless) -> External {
        let labels = name.wire().strip_suffix(b"\0").unwrap().to_vec();
        let target = match name.to_name().to_string().as_str() {
            "web.shop." => ExternalTarget::Address("192.0.2.1".parse().unwrap()),
            "lb.shop." => ExternalTarget::Name("lb.example.org.".parse().unwrap()),
            "shop." => return External::Hosts(Vec::new()),
            _ => return External::Missing,
        };
        let port = Some(80);
        External::Hosts(vec![ExternalHost {
            labels,
            target,
            port,
        }])
    }

    fn names_of(&self, address: IpAddr) -> Vec<Vec<u8>> {
        let is_web = address.to_string() == "192.0.2.1";
        Vec::from_iter(is_web.then(|| b"\x03web\x04shop".to_vec()))
    }

    fn own_addresses(&self, _: Headless) -> Vec<IpAddr> {
        vec!["192.0.2.53".parse().unwrap()]
    }

    fn is_complete(&self) -> bool {
        true
    }

    fn serial(&self) -> u32 {
        7
    }

    fn ttl(&self) -> u32 {
        5
    }
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract_beside(&PLUGIN, &[&CLUSTER]);
}

#[test]
fn services_are_answered_for_by_their_addresses_outside() {
    check_chain(
        &[&PLUGIN, &CLUSTER],
        r#"example.net example.org in-addr.arpa {
            k8s_external example.net in-addr.arpa {
                ttl 30
            }
            cluster
            script {
                lb.example.org. A answer "{qname} 60 IN A 192.0.2.9"
                lb.example.org. AAAA answer "{qname} 60 IN AAAA 2001:db8::9"
            }
        }"#,
        "
        example.net. SOA
        example.net. NS
        dns.example.net. A
        ns1.dns.example.net. A
        ns1.dns.example.net. AAAA
        x.dns.example.net. A
        Web.shop.example.net. A
        web.shop.example.net. AAAA
        web.shop.example.net. SRV
        lb.shop.example.net. A
        lb.shop.example.net. SRV
        shop.example.net. A
        none.shop.example.net. A
        1.2.0.192.in-addr.arpa. PTR
        2.2.0.192.in-addr.arpa. PTR
        ",
        expect![[r#"
            > example.net. SOA
            NOERROR aa rd
              answer example.net. 30 IN SOA ns1.dns.example.net. hostmaster.dns.example.net. 7 7200 1800 86400 30
            > example.net. NS
            NOERROR aa rd
              answer example.net. 30 IN NS ns1.dns.example.net.
              additional ns1.dns.example.net. 30 IN A 192.0.2.53
            > dns.example.net. A
            NOERROR aa rd
              authority example.net. 30 IN SOA ns1.dns.example.net. hostmaster.dns.example.net. 7 7200 1800 86400 30
            > ns1.dns.example.net. A
            NOERROR aa rd
              answer ns1.dns.example.net. 30 IN A 192.0.2.53
            > ns1.dns.example.net. AAAA
            NOERROR aa rd
              authority example.net. 30 IN SOA ns1.dns.example.net. hostmaster.dns.example.net. 7 7200 1800 86400 30
            > x.dns.example.net. A
            NXDOMAIN aa rd
              authority example.net. 30 IN SOA ns1.dns.example.net. hostmaster.dns.example.net. 7 7200 1800 86400 30
            > Web.shop.example.net. A
            NOERROR aa rd
              answer Web.shop.example.net. 30 IN A 192.0.2.1
            > web.shop.example.net. AAAA
            NOERROR aa rd
              authority example.net. 30 IN SOA ns1.dns.example.net. hostmaster.dns.example.net. 7 7200 1800 86400 30
            > web.shop.example.net. SRV
            NOERROR aa rd
              answer web.shop.example.net. 5 IN SRV 0 100 80 web.shop.example.net.
              additional web.shop.example.net. 30 IN A 192.0.2.1
            > lb.shop.example.net. A
              script saw lb.example.org. A
            NOERROR aa rd
              answer lb.shop.example.net. 5 IN CNAME lb.example.org.
              answer lb.example.org. 60 IN A 192.0.2.9
            > lb.shop.example.net. SRV
              script saw lb.example.org. A
              script saw lb.example.org. AAAA
            NOERROR aa rd
              answer lb.shop.example.net. 5 IN SRV 0 100 80 lb.example.org.
              additional lb.example.org. 60 IN A 192.0.2.9
              additional lb.example.org. 60 IN AAAA 2001:db8::9
            > shop.example.net. A
            NOERROR aa rd
              authority example.net. 30 IN SOA ns1.dns.example.net. hostmaster.dns.example.net. 7 7200 1800 86400 30
            > none.shop.example.net. A
            NXDOMAIN aa rd
              authority example.net. 30 IN SOA ns1.dns.example.net. hostmaster.dns.example.net. 7 7200 1800 86400 30
            > 1.2.0.192.in-addr.arpa. PTR
            NOERROR aa rd
              answer 1.2.0.192.in-addr.arpa. 30 IN PTR web.shop.example.net.
            > 2.2.0.192.in-addr.arpa. PTR
            NXDOMAIN aa rd
              authority in-addr.arpa. 30 IN SOA ns1.dns.in-addr.arpa. hostmaster.dns.in-addr.arpa. 7 7200 1800 86400 30
        "#]],
    );
}

#[tokio::test]
async fn a_block_without_a_cluster_is_refused() {
    let block = Block::build(&[&PLUGIN], "example.net {\n k8s_external\n}").unwrap();
    let error = block.start().await.unwrap_err().to_string();
    assert!(error.contains("kubernetes plugin not loaded"), "{error}");
}

#[test]
fn mistakes_are_named() {
    for (property, message) in [
        ("ttl", "Wrong argument count"),
        ("ttl 1s", "strconv.Atoi: parsing \"1s\""),
        ("ttl -1", "ttl must be in range [0, 3600]: -1"),
        ("pods", "unknown property 'pods'"),
    ] {
        let corefile = format!("example.net {{\n k8s_external {{\n{property}\n}}\n}}");
        let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
        assert!(findings.to_string().contains(message), "{findings}");
    }
}
