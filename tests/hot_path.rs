//! What a query costs behind the chain that kubeadm configures, once its answer is in the cache.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use catena_testing::{Block, Question, Upstream};

const ANSWERS: &str = r#"
www.example.org. A answer "www.example.org. 60 IN A 192.0.2.1"
answer "www.example.org. 60 IN A 192.0.2.2"
* * rcode NXDOMAIN authority "example.org. 60 IN SOA ns. host. 1 2 3 4 5"
"#;

/// kubeadm's chain, in its order; the names asked are not those of the cluster.
fn kubeadm(upstream: std::net::SocketAddr) -> String {
    format!(
        ".:53 {{
            errors
            health 127.0.0.1:0 {{
               lameduck 5s
            }}
            ready 127.0.0.1:0
            prometheus 127.0.0.1:0
            forward . {upstream} {{
               max_concurrent 1000
            }}
            cache 30 {{
               disable success cluster.local
               disable denial cluster.local
            }}
            loop
            reload
            loadbalance
        }}
        "
    )
}

#[tokio::test]
async fn a_warm_hit_behind_kubeadms_chain_allocates_and_decodes_nothing() {
    let upstream = Upstream::start(ANSWERS).await;
    let block = Block::build(catena::PLUGINS, &kubeadm(upstream.address())).unwrap();
    let questions = [
        Question::parse("www.example.org. A"),
        Question::parse("www.example.org. A do ad"),
        Question::parse("nothing.example.org. AAAA"),
    ];
    for question in &questions {
        assert!(block.outcome(question).await.as_reply().is_some());
    }
    let ask = || {
        for question in &questions {
            let outcome = pin!(block.outcome(question));
            let Poll::Ready(outcome) = outcome.poll(&mut Context::from_waker(Waker::noop())) else {
                unreachable!("nobody waits");
            };
            assert!(outcome.as_reply().unwrap().packet().len() > 12);
        }
    };
    ask();
    let asked = upstream.take_seen().len();
    let decodes = catena_dns::decodes();
    let used = allocation_counter::measure(ask);
    assert_eq!(catena_dns::decodes(), decodes);
    assert_eq!(used.count_total, 0);
    assert_eq!(asked, 3, "one each, and no more after that");
    assert_eq!(upstream.take_seen(), Vec::<String>::new());
}
