//! Tests of the test tools.

use catena_plugin::{Flow, Next, Plugin, Query, Registration};

use crate::{Block, Upstream, check_chain, check_diagnostics, expect};

struct Passing;

impl Plugin for Passing {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        next.serve(query)
    }
}

static PASSING: Registration = Registration {
    name: "passing",
    setup: |cx| {
        let line = cx.only()?;
        line.no_args()?;
        if let Some(property) = line.properties().next() {
            return Err(property.unknown());
        }
        cx.add_stage(Passing);
        Ok(())
    },
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: "",
};

#[test]
fn a_script_answers_fails_waits_and_drops() {
    check_chain(
        &[&PASSING],
        r#"
        . {
            passing
            script {
                www.example.org. A aa answer "{qname} 60 IN A 192.0.2.1"
                    answer "{qname} 60 IN A 192.0.2.2"
                mail.example.org. MX answer "{qname} 60 IN MX 10 mx.example.org." after 2s
                *.broken. * fail SERVFAIL error "it is broken"
                lost. * drop
            }
        }
        "#,
        "
        www.example.org. A do
        WWW.example.org. A edns=512 no-rd
        mail.example.org. MX tcp
        x.broken. TXT
        lost. A
        other. AAAA
        ",
        expect![[r#"
            > www.example.org. A do
              script saw www.example.org. A edns=1232 do
            NOERROR aa rd
              answer www.example.org. 60 IN A 192.0.2.1
              answer www.example.org. 60 IN A 192.0.2.2
              opt edns=1232 do
            > WWW.example.org. A edns=512 no-rd
              script saw WWW.example.org. A no-rd edns=512
            NOERROR aa
              answer WWW.example.org. 60 IN A 192.0.2.1
              answer WWW.example.org. 60 IN A 192.0.2.2
              opt edns=512
            > mail.example.org. MX tcp
              script saw mail.example.org. MX
            NOERROR rd
              answer mail.example.org. 60 IN MX 10 mx.example.org.
            > x.broken. TXT
              script saw x.broken. TXT
            SERVFAIL not written
              error: it is broken
            > lost. A
              script saw lost. A
            silence
            > other. AAAA
              script saw other. AAAA
            NXDOMAIN rd
        "#]],
    );
}

#[test]
fn mistakes_are_shown_together() {
    check_diagnostics(
        &[&PASSING],
        ". {\n    passing {\n        x\n    }\n    pasing\n}\n",
        expect![[r#"
            Corefile:3:9: plugin/passing: Error during parsing: unknown property 'x'
              3 |         x
                |         ^ it takes no properties
            Corefile:5:5: Unknown directive 'pasing'
              5 |     pasing
                |     ^^^^^^"#]],
    );
}

#[tokio::test]
async fn an_upstream_answers_over_udp_and_tcp() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let upstream = Upstream::start("a.example. A udp-tc answer \"{qname} 1 IN A 192.0.2.7\"").await;
    let query = crate::Question::parse("a.example. A").packet;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&query, upstream.address()).await.unwrap();
    let mut buffer = vec![0; 512];
    let length = socket.recv(&mut buffer).await.unwrap();
    expect![[r#"
        NOERROR tc rd
    "#]]
    .assert_eq(&crate::print_packet(&buffer[..length]));

    let mut stream = tokio::net::TcpStream::connect(upstream.address())
        .await
        .unwrap();
    stream
        .write_u16(u16::try_from(query.len()).unwrap())
        .await
        .unwrap();
    stream.write_all(&query).await.unwrap();
    let length = usize::from(stream.read_u16().await.unwrap());
    stream.read_exact(&mut buffer[..length]).await.unwrap();
    expect![[r#"
        NOERROR rd
          answer a.example. 1 IN A 192.0.2.7
    "#]]
    .assert_eq(&crate::print_packet(&buffer[..length]));
    assert_eq!(upstream.take_seen(), ["a.example. A", "a.example. A"]);
}

#[tokio::test]
async fn a_block_starts_and_stops() {
    let block = Block::build(&[&PASSING], ". {\n passing\n}\n").unwrap();
    block.start().await.unwrap();
    assert!(block.is_ready());
    block.shut_down().await;
}
