//! Transactions in few words: conditions on keys, and what is done if they hold.

use crate::proto::{Compare, DeleteRangeRequest, Op, Operand, PutRequest, RequestOp, TxnRequest};
use crate::range_end;

const EQUAL: i32 = 0;
const LESS: i32 = 2;
const CREATED: i32 = 1;
const CHANGED: i32 = 2;

/// What is asked of one key or of the keys of a prefix.
#[derive(Clone, Debug, Default)]
pub struct Txn(TxnRequest);

impl Txn {
    /// Nothing asked, nothing done.
    pub fn new() -> Txn {
        Txn::default()
    }

    /// Only if there is no such key.
    #[must_use]
    pub fn if_absent(self, key: impl Into<Vec<u8>>) -> Txn {
        self.condition(EQUAL, CREATED, key.into(), Vec::new(), Operand::Created(0))
    }

    /// Only if `revision` was the last to change the key.
    #[must_use]
    pub fn if_unchanged(self, key: impl Into<Vec<u8>>, revision: i64) -> Txn {
        self.condition(
            EQUAL,
            CHANGED,
            key.into(),
            Vec::new(),
            Operand::Changed(revision),
        )
    }

    /// Only if no key of the prefix was set after `revision`; deletions are not seen.
    #[must_use]
    pub fn if_none_newer(self, prefix: &[u8], revision: i64) -> Txn {
        let operand = Operand::Changed(revision.saturating_add(1));
        self.condition(LESS, CHANGED, prefix.to_vec(), range_end(prefix), operand)
    }

    fn condition(
        mut self,
        result: i32,
        target: i32,
        key: Vec<u8>,
        range_end: Vec<u8>,
        operand: Operand,
    ) -> Txn {
        self.0.compare.push(Compare {
            result,
            target,
            key,
            operand: Some(operand),
            range_end,
        });
        self
    }

    /// Sets a key; it goes with `lease` unless that is 0.
    #[must_use]
    pub fn put(mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>, lease: i64) -> Txn {
        let (key, value) = (key.into(), value.into());
        self.0
            .success
            .push(step(Op::Put(PutRequest { key, value, lease })));
        self
    }

    /// Deletes a key.
    #[must_use]
    pub fn delete(mut self, key: impl Into<Vec<u8>>) -> Txn {
        let key = key.into();
        self.0
            .success
            .push(step(Op::Delete(DeleteRangeRequest { key })));
        self
    }

    /// How many things it does; etcd takes 128 by default.
    pub fn len(&self) -> usize {
        self.0.success.len()
    }

    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.0.success.is_empty()
    }

    /// The request.
    pub fn as_request(&self) -> &TxnRequest {
        &self.0
    }
}

fn step(op: Op) -> RequestOp {
    RequestOp { op: Some(op) }
}
