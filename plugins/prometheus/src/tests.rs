//! What is counted, how the page reads, and what the Corefile may say.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_plugin::metrics::text::write_family;
use catena_plugin::metrics::{CounterVec, DURATION_BUCKETS, GaugeVec, HistogramVec};
use catena_testing::{Block, check_diagnostics, expect, plugin_contract};

use crate::{PLUGIN, page};

#[test]
fn it_keeps_the_promises_of_a_plugin() {
    plugin_contract(&PLUGIN);
}

/// The lines of the page that name `zone`, without sums and counts of seconds.
fn lines_of(zone: &str) -> String {
    let label = format!("zone=\"{zone}\"");
    let page = page::page();
    let is_wanted = |line: &&str| line.contains(&label) && !line.contains("_bucket");
    let lines = page
        .lines()
        .filter(is_wanted)
        .filter(|line| !line.contains("seconds_sum"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn queries_are_counted_by_zone_protocol_type_and_outcome() {
    let corefile = "one.test sub.one.test {
        prometheus 127.0.0.1:0
        script {
            www.sub.one.test. A answer \"www.sub.one.test. 30 IN A 192.0.2.1\"
            fail.sub.one.test. A fail SERVFAIL
            drop.sub.one.test. A drop
        }
    }";
    let block = Block::build(&[&PLUGIN], corefile).unwrap();
    block.start().await.unwrap();
    for question in [
        "www.sub.one.test. A do edns=1232",
        "WWW.sub.one.test. A from=[2001:db8::1]:5353 tcp",
        "fail.sub.one.test. A",
        "drop.sub.one.test. A",
        "none.sub.one.test. TYPE777",
    ] {
        block.ask(question).await;
    }
    expect![[r#"
        coredns_dns_do_requests_total{server="dns://:53",zone="sub.one.test.",view=""} 1
        coredns_dns_request_duration_seconds_count{server="dns://:53",zone="sub.one.test.",view=""} 5
        coredns_dns_request_size_bytes_sum{server="dns://:53",zone="sub.one.test.",view="",proto="tcp"} 34
        coredns_dns_request_size_bytes_count{server="dns://:53",zone="sub.one.test.",view="",proto="tcp"} 1
        coredns_dns_request_size_bytes_sum{server="dns://:53",zone="sub.one.test.",view="",proto="udp"} 150
        coredns_dns_request_size_bytes_count{server="dns://:53",zone="sub.one.test.",view="",proto="udp"} 4
        coredns_dns_requests_total{server="dns://:53",zone="sub.one.test.",view="",proto="tcp",family="2",type="A"} 1
        coredns_dns_requests_total{server="dns://:53",zone="sub.one.test.",view="",proto="udp",family="1",type="A"} 3
        coredns_dns_requests_total{server="dns://:53",zone="sub.one.test.",view="",proto="udp",family="1",type="other"} 1
        coredns_dns_response_size_bytes_sum{server="dns://:53",zone="sub.one.test.",view="",proto="tcp"} 66
        coredns_dns_response_size_bytes_count{server="dns://:53",zone="sub.one.test.",view="",proto="tcp"} 1
        coredns_dns_response_size_bytes_sum{server="dns://:53",zone="sub.one.test.",view="",proto="udp"} 136
        coredns_dns_response_size_bytes_count{server="dns://:53",zone="sub.one.test.",view="",proto="udp"} 4
        coredns_dns_responses_total{server="dns://:53",zone="sub.one.test.",view="",rcode="NOERROR",plugin=""} 1
        coredns_dns_responses_total{server="dns://:53",zone="sub.one.test.",view="",rcode="NOERROR",plugin="script"} 2
        coredns_dns_responses_total{server="dns://:53",zone="sub.one.test.",view="",rcode="NXDOMAIN",plugin="script"} 1
        coredns_dns_responses_total{server="dns://:53",zone="sub.one.test.",view="",rcode="SERVFAIL",plugin=""} 1
        coredns_plugin_enabled{server="dns://:53",zone="sub.one.test.",view="",name="prometheus"} 1
        coredns_plugin_enabled{server="dns://:53",zone="sub.one.test.",view="",name="script"} 1
    "#]].assert_eq(&lines_of("sub.one.test."));
    block.stop();
    assert!(
        !page::page().contains("coredns_plugin_enabled{server=\"dns://:53\",zone=\"one.test.\"")
    );
}

#[test]
fn a_family_reads_as_prometheus_wants_it() {
    static COUNTER: CounterVec = CounterVec::new("a_total", "Help\nwith \\.", &["x"]);
    static GAUGE: GaugeVec = GaugeVec::new("b", "Nothing yet.", &[]);
    static EMPTY: GaugeVec = GaugeVec::new("c", "No child.", &["x"]);
    static SPREAD: HistogramVec = HistogramVec::new("d", "Spread.", &[], &[0.5, 2.0]);
    COUNTER.with(&["quote \" and \\"]).add(3);
    SPREAD.with(&[]).observe(1.5);
    let mut text = String::new();
    write_family(&COUNTER, &mut text).unwrap();
    write_family(&GAUGE, &mut text).unwrap();
    write_family(&EMPTY, &mut text).unwrap();
    write_family(&SPREAD, &mut text).unwrap();
    let expected = r#"# HELP a_total Help\nwith \\.
# TYPE a_total counter
a_total{x="quote \" and \\"} 3
# HELP b Nothing yet.
# TYPE b gauge
b 0
# HELP d Spread.
# TYPE d histogram
d_bucket{le="0.5"} 0
d_bucket{le="2"} 1
d_bucket{le="+Inf"} 1
d_sum 1.5
d_count 1
"#;
    assert_eq!(text, expected);
    assert_eq!(DURATION_BUCKETS.len(), 16);
}

#[test]
fn the_process_is_on_the_page() {
    let page = page::page();
    for name in [
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_start_time_seconds",
    ] {
        let line = page.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(' ')).unwrap().1;
        assert!(value.parse::<f64>().is_ok(), "{name} {value}");
    }
}

#[test]
fn mistakes_are_told_in_the_words_of_coredns() {
    let corefile = ". {
    prometheus 9153
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:2:16: plugin/prometheus: address 9153: missing port in address
          2 |     prometheus 9153
            |                ^^^^"#]],
    );
    let corefile = ". {
    prometheus :9153 {
        runtime_metrics
        path /x
    }
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:3:9: warning: prometheus: there is no Go runtime, so runtime_metrics adds nothing
          3 |         runtime_metrics
            |         ^^^^^^^^^^^^^^^
        Corefile:4:9: plugin/prometheus: Error during parsing: unknown property 'path'
          4 |         path /x
            |         ^^^^ it knows runtime_metrics, tls"#]],
    );
}
