//! Answers of the stage for a cluster that is made up.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use catena_dns::Name;
use catena_kube::{Access, Encoding, Object};
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Chain, Registration};
use catena_testing::{Block, Question, check_chain, expect};

use super::{Names, Passes, Pods, Rules, Stage, Unsynced, Zone};
use crate::cluster::{Cluster, Watched};
use crate::question::Grammar;
use crate::store::wire::{field, number, text};
use crate::store::{Kind, Writer};

static PLUGIN: Registration = Registration {
    name: "names",
    setup: |cx| {
        cx.add_stage(Stage(Arc::new(names())));
        Ok(())
    },
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: "",
};

const COREFILE: &str = "c.l in-addr.arpa {\n names\n}";

fn meta(name: &str, service: &str) -> Vec<u8> {
    let label = [text(1, "kubernetes.io/service-name"), text(2, service)].concat();
    field(
        1,
        &[text(1, name), text(3, "shop"), field(11, &label)].concat(),
    )
}

fn port(field_number: u8, value: u64) -> Vec<u8> {
    let port = [text(1, "http"), text(2, "TCP"), number(3, value)].concat();
    field(field_number, &port)
}

/// A cluster with the services `web` at 10.96.0.1, `db` of three endpoints, and `away`.
fn fill(cluster: &Cluster) {
    let mut writer = Writer::new(Arc::clone(&cluster.store), Default::default());
    let mut apply = |kind, bytes: &[u8]| {
        let encoding = Encoding::Protobuf;
        writer.apply(kind, &Object { encoding, bytes }).unwrap();
    };
    apply(Kind::Namespaces, &field(1, &text(1, "shop")));
    let service = |name: &str, spec: &[u8]| [meta(name, ""), field(2, spec)].concat();
    let web = [port(1, 80), text(3, "10.96.0.1")].concat();
    apply(Kind::Services, &service("web", &web));
    let db = [port(1, 5432), text(3, "None")].concat();
    apply(Kind::Services, &service("db", &db));
    let away = [text(4, "ExternalName"), text(10, "web.shop.svc.c.l")].concat();
    apply(Kind::Services, &service("away", &away));
    let endpoint = |address: &str, name: &str| {
        let name = if name.is_empty() {
            Vec::new()
        } else {
            text(3, name)
        };
        field(2, &[text(1, address), name].concat())
    };
    let slice = [
        meta("db-1", "db"),
        endpoint("10.1.0.1", "db-0"),
        endpoint("10.1.0.2", ""),
        endpoint("10.1.0.3", ""),
        port(3, 5432),
    ];
    apply(Kind::Slices, &slice.concat());
    writer.publish();
}

fn names() -> Names {
    let zone = |text: &str| {
        let name: Name = text.parse().unwrap();
        Zone::new(name, Grammar::default())
    };
    let rules = Rules {
        zones: vec![zone("c.l."), zone("in-addr.arpa.")],
        primary: "c.l.".parse().unwrap(),
        ttl: 5,
        pods: Pods::Insecure,
        namespaces: Default::default(),
        ignores_empty: false,
        fallthrough: Fallthrough::Never,
        passes: Passes {
            nodata: false,
            unsynced: Unsynced::Passed,
        },
        startup_timeout: Duration::ZERO,
        search: Vec::new(),
    };
    // Clusters that are watched alike are one; each test wants its own.
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let cluster = Cluster::shared(Watched {
        access: Access::Endpoint {
            url: format!("http://127.0.0.1:{}", COUNT.fetch_add(1, Relaxed)),
            tls: None,
        },
        ..Watched::default()
    });
    fill(&cluster);
    Names::new(rules, Arc::clone(&cluster), Arc::from([cluster]))
}

#[test]
fn services_endpoints_and_pods_have_records() {
    check_chain(
        &[&PLUGIN],
        COREFILE,
        "
        WEB.shop.svc.c.l. A
        web.shop.svc.c.l. SRV
        WEB.Shop.SVC.C.l. SRV
        _http._tcp.db.shop.svc.c.l. SRV
        db.shop.svc.c.l. A
        db-0.db.shop.svc.c.l. A
        10-1-0-2.db.shop.svc.c.l. A
        away.shop.svc.c.l. A
        away.shop.svc.c.l. CNAME
        10-9-9-9.shop.pod.c.l. A
        1.0.96.10.in-addr.arpa. PTR
        1.0.1.10.in-addr.arpa. PTR
        dns-version.c.l. TXT
        ",
        expect![[r#"
            > WEB.shop.svc.c.l. A
            NOERROR aa rd
              answer WEB.shop.svc.c.l. 5 IN A 10.96.0.1
            > web.shop.svc.c.l. SRV
            NOERROR aa rd
              answer web.shop.svc.c.l. 5 IN SRV 0 100 80 web.shop.svc.c.l.
              additional web.shop.svc.c.l. 5 IN A 10.96.0.1
            > WEB.Shop.SVC.C.l. SRV
            NOERROR aa rd
              answer WEB.Shop.SVC.C.l. 5 IN SRV 0 100 80 web.shop.svc.C.l.
              additional web.shop.svc.C.l. 5 IN A 10.96.0.1
            > _http._tcp.db.shop.svc.c.l. SRV
            NOERROR aa rd
              answer _http._tcp.db.shop.svc.c.l. 5 IN SRV 0 33 5432 db-0.db.shop.svc.c.l.
              answer _http._tcp.db.shop.svc.c.l. 5 IN SRV 0 33 5432 10-1-0-2.db.shop.svc.c.l.
              answer _http._tcp.db.shop.svc.c.l. 5 IN SRV 0 33 5432 10-1-0-3.db.shop.svc.c.l.
              additional db-0.db.shop.svc.c.l. 5 IN A 10.1.0.1
              additional 10-1-0-2.db.shop.svc.c.l. 5 IN A 10.1.0.2
              additional 10-1-0-3.db.shop.svc.c.l. 5 IN A 10.1.0.3
            > db.shop.svc.c.l. A
            NOERROR aa rd
              answer db.shop.svc.c.l. 5 IN A 10.1.0.1
              answer db.shop.svc.c.l. 5 IN A 10.1.0.2
              answer db.shop.svc.c.l. 5 IN A 10.1.0.3
            > db-0.db.shop.svc.c.l. A
            NOERROR aa rd
              answer db-0.db.shop.svc.c.l. 5 IN A 10.1.0.1
            > 10-1-0-2.db.shop.svc.c.l. A
            NOERROR aa rd
              answer 10-1-0-2.db.shop.svc.c.l. 5 IN A 10.1.0.2
            > away.shop.svc.c.l. A
            NOERROR aa rd
              answer away.shop.svc.c.l. 5 IN CNAME web.shop.svc.c.l.
              answer web.shop.svc.c.l. 5 IN A 10.96.0.1
            > away.shop.svc.c.l. CNAME
            NOERROR aa rd
              answer away.shop.svc.c.l. 5 IN CNAME web.shop.svc.c.l.
            > 10-9-9-9.shop.pod.c.l. A
            NOERROR aa rd
              answer 10-9-9-9.shop.pod.c.l. 5 IN A 10.9.9.9
            > 1.0.96.10.in-addr.arpa. PTR
            NOERROR aa rd
              answer 1.0.96.10.in-addr.arpa. 5 IN PTR web.shop.svc.c.l.
            > 1.0.1.10.in-addr.arpa. PTR
            NOERROR aa rd
              answer 1.0.1.10.in-addr.arpa. 5 IN PTR db-0.db.shop.svc.c.l.
            > dns-version.c.l. TXT
            NOERROR aa rd
              answer dns-version.c.l. 28800 IN TXT "1.1.0"
        "#]],
    );
}

#[test]
fn an_answer_for_a_service_allocates_nothing() {
    let block = Block::build(&[&PLUGIN], COREFILE).unwrap();
    let chain = Chain::new(vec![catena_plugin::Stage {
        name: "names",
        plugin: Arc::new(Stage(Arc::new(names()))),
    }]);
    for question in [
        "web.shop.svc.c.l. A",
        "web.shop.svc.c.l. AAAA",
        "_http._tcp.web.shop.svc.c.l. SRV",
        "db.shop.svc.c.l. A",
        "1.0.96.10.in-addr.arpa. PTR",
        "none.shop.svc.c.l. A",
        "www.example.org.shop.svc.c.l. A",
    ] {
        block.view(&Question::parse(question), |query| {
            let ask = || drop(chain.first().serve(query));
            ask();
            let spent = allocation_counter::measure(ask);
            assert_eq!(spent.count_total, 0, "{question}");
        });
    }
}
