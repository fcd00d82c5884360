//! Records of one reply in another, such as those behind an alias.

use super::{RecordRef, Reply};
use crate::records::{Section, expand_rdata};
use crate::{NameBuf, RecordType};

impl Reply {
    /// Appends the answers of `from` to `section`; where there is no room, TC says so.
    pub fn push_answers_of(&mut self, from: &Reply, section: Section) {
        self.push_some_answers_of(from, section, |_| true);
    }

    /// As [`Reply::push_answers_of`], those of types that `wanted` accepts.
    pub fn push_some_answers_of(
        &mut self,
        from: &Reply,
        section: Section,
        wanted: impl Fn(RecordType) -> bool,
    ) {
        let (mut name, mut rdata) = (NameBuf::new(), Vec::new());
        for record in from.records() {
            rdata.clear();
            let is_read = record.section == Section::Answer
                && wanted(record.rtype)
                && name.read(from.packet(), record.start).is_ok()
                && expand_rdata(from.packet(), &record, &mut rdata).is_ok();
            if !is_read {
                continue;
            }
            let copy = RecordRef {
                name: name.view(),
                rtype: record.rtype,
                class: record.class,
                ttl: record.ttl,
                rdata: &rdata,
            };
            self.push_or_tc(section, copy);
        }
    }
}
