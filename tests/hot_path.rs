//! What a query costs that is in the cache, or that no rule is for: no allocation, no decoding.

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
    assert_costs_nothing(&block, &questions);
    let asked = upstream.take_seen().len();
    assert_eq!(asked, 3, "one each, and no more after that");
}

/// Rules of every kind; none is for the names that are asked.
const RULES: &str = r#".:53 {
    view here {
        expr incidr(client_ip(), '10.0.0.0/8') && type() in ['A', 'MX']
        expr name() matches '[.]' || client_ip() == '192.0.2.1'
    }
    nsid here
    any
    chaos
    rewrite name other.test www.example.org
    rewrite name suffix .other.test .example.org answer auto
    rewrite name regex ^other-(.*)$ {1}
    rewrite ttl prefix other 30
    rewrite rcode substring other SERVFAIL NXDOMAIN
    rewrite type NULL A
    rewrite class CH IN
    acl {
        allow net 10.0.0.0/8 192.0.2.0/24
        block
    }
    header {
        response set ra
    }
    minimal
    template IN A example.org {
        match ^other[.] ^others[.]
        fallthrough
    }
    template IN MX other.test
    hosts tests/assets/hosts example.org
}
"#;

#[tokio::test]
async fn rules_that_are_not_for_a_query_allocate_and_decode_nothing() {
    let block = Block::build(catena::PLUGINS, RULES).unwrap();
    block.start().await.unwrap();
    let filter = block.config().filter.clone().unwrap();
    let question = Question::parse("printer.example.org. A do");
    let admits = || block.view(&question, |query| assert!(filter.admits(query)));
    admits();
    assert_eq!(allocation_counter::measure(admits).count_total, 0);
    assert_costs_nothing(&block, &[question]);
}

/// Asks once to warm up, and once more with an eye on the allocator.
fn assert_costs_nothing(block: &Block, questions: &[Question]) {
    let ask = || {
        for question in questions {
            let outcome = pin!(block.outcome(question));
            let Poll::Ready(outcome) = outcome.poll(&mut Context::from_waker(Waker::noop())) else {
                unreachable!("nobody waits");
            };
            assert!(outcome.as_reply().unwrap().packet().len() > 12);
        }
    };
    ask();
    let decodes = catena_dns::decodes();
    let used = allocation_counter::measure(ask);
    assert_eq!(catena_dns::decodes(), decodes);
    assert_eq!(used.count_total, 0);
}
