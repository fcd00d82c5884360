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
            "lb.shop." => ExternalTarget::Name("lb.org.".parse().unwrap()),
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
        r#"ext org in-addr.arpa {
            k8s_external ext in-addr.arpa {
                ttl 30
            }
            cluster
            script {
                lb.org. A answer "{qname} 60 IN A 192.0.2.9"
                lb.org. AAAA answer "{qname} 60 IN AAAA 2001:db8::9"
            }
        }"#,
        "
        ext. SOA
        ext. NS
        dns.ext. A
        ns1.dns.ext. A
        ns1.dns.ext. AAAA
        x.dns.ext. A
        Web.shop.ext. A
        web.shop.ext. AAAA
        web.shop.ext. SRV
        lb.shop.ext. A
        lb.shop.ext. SRV
        shop.ext. A
        none.shop.ext. A
        1.2.0.192.in-addr.arpa. PTR
        ",
        expect![[r#"
            > ext. SOA
            NOERROR aa rd
              answer ext. 30 IN SOA ns1.dns.ext. hostmaster.dns.ext. 7 7200 1800 86400 30
            > ext. NS
            NOERROR aa rd
              answer ext. 30 IN NS ns1.dns.ext.
              additional ns1.dns.ext. 30 IN A 192.0.2.53
            > dns.ext. A
            NOERROR aa rd
              authority ext. 30 IN SOA ns1.dns.ext. hostmaster.dns.ext. 7 7200 1800 86400 30
            > ns1.dns.ext. A
            NOERROR aa rd
              answer ns1.dns.ext. 30 IN A 192.0.2.53
            > ns1.dns.ext. AAAA
            NOERROR aa rd
              authority ext. 30 IN SOA ns1.dns.ext. hostmaster.dns.ext. 7 7200 1800 86400 30
            > x.dns.ext. A
            NXDOMAIN aa rd
              authority ext. 30 IN SOA ns1.dns.ext. hostmaster.dns.ext. 7 7200 1800 86400 30
            > Web.shop.ext. A
            NOERROR aa rd
              answer Web.shop.ext. 30 IN A 192.0.2.1
            > web.shop.ext. AAAA
            NOERROR aa rd
              authority ext. 30 IN SOA ns1.dns.ext. hostmaster.dns.ext. 7 7200 1800 86400 30
            > web.shop.ext. SRV
            NOERROR aa rd
              answer web.shop.ext. 5 IN SRV 0 100 80 web.shop.ext.
              additional web.shop.ext. 30 IN A 192.0.2.1
            > lb.shop.ext. A
              script saw lb.org. A
            NOERROR aa rd
              answer lb.shop.ext. 5 IN CNAME lb.org.
              answer lb.org. 60 IN A 192.0.2.9
            > lb.shop.ext. SRV
              script saw lb.org. A
              script saw lb.org. AAAA
            NOERROR aa rd
              answer lb.shop.ext. 5 IN SRV 0 100 80 lb.org.
              additional lb.org. 60 IN A 192.0.2.9
              additional lb.org. 60 IN AAAA 2001:db8::9
            > shop.ext. A
            NOERROR aa rd
              authority ext. 30 IN SOA ns1.dns.ext. hostmaster.dns.ext. 7 7200 1800 86400 30
            > none.shop.ext. A
            NXDOMAIN aa rd
              authority ext. 30 IN SOA ns1.dns.ext. hostmaster.dns.ext. 7 7200 1800 86400 30
            > 1.2.0.192.in-addr.arpa. PTR
            NOERROR aa rd
              answer 1.2.0.192.in-addr.arpa. 30 IN PTR web.shop.ext.
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
