//! Tests of example.

use catena_testing::{check_chain, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn names_in_its_zones_get_the_text() {
    check_chain(
        &[&PLUGIN],
        r#"example.org {
            example {
                text "good morning"
            }
            script {
                a.example.org. A after 1s answer "{qname} 60 IN A 192.0.2.1"
            }
        }"#,
        "
        www.example.org. TXT
        a.example.org. A
        www.example.net. TXT
        ",
        expect![[r#"
            > www.example.org. TXT
            NOERROR aa rd
              answer www.example.org. 60 IN TXT "good morning"
            > a.example.org. A
              script saw a.example.org. A
            NOERROR rd
              answer a.example.org. 60 IN A 192.0.2.1
              additional a.example.org. 60 IN TXT "good morning"
            > www.example.net. TXT
              script saw www.example.net. TXT
            NXDOMAIN rd
        "#]],
    );
}
