//! Record types, classes, opcodes and response codes, with their registered names.

use std::fmt;
use std::str::FromStr;

/// Makes a number type with named values; `$unknown` prefixes the rest, RFC 3597 section 5.
macro_rules! registry {
    ($(#[$doc:meta])* $type:ident($number:ty), $unknown:literal, {
        $($name:ident = $value:literal $text:literal),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub $number);

        impl $type {
            $(#[doc = concat!("`", $text, "`")] pub const $name: $type = $type($value);)*

            /// All that have a name, with it.
            pub const NAMED: &[($type, &'static str)] = &[$(($type($value), $text)),*];

            /// The registered name, if there is one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!($unknown, "{}"), self.0),
                }
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                let mut named = Self::NAMED.iter();
                if let Some((value, _)) = named.find(|(_, n)| n.eq_ignore_ascii_case(text)) {
                    return Ok(*value);
                }
                let prefix = text.get(..$unknown.len()).ok_or(UnknownName)?;
                if !prefix.eq_ignore_ascii_case($unknown) {
                    return Err(UnknownName);
                }
                let number = text.get($unknown.len()..).ok_or(UnknownName)?;
                number.parse().map($type).map_err(|_| UnknownName)
            }
        }
    };
}

/// A word that names no value of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

registry! {
    /// A record or query type (RFC 1035 section 3.2.2, IANA "RR TYPEs").
    RecordType(u16), "TYPE", {
        A = 1 "A",
        NS = 2 "NS",
        MD = 3 "MD",
        MF = 4 "MF",
        CNAME = 5 "CNAME",
        SOA = 6 "SOA",
        MB = 7 "MB",
        MG = 8 "MG",
        MR = 9 "MR",
        NULL = 10 "NULL",
        WKS = 11 "WKS",
        PTR = 12 "PTR",
        HINFO = 13 "HINFO",
        MINFO = 14 "MINFO",
        MX = 15 "MX",
        TXT = 16 "TXT",
        RP = 17 "RP",
        AFSDB = 18 "AFSDB",
        X25 = 19 "X25",
        ISDN = 20 "ISDN",
        RT = 21 "RT",
        NSAP = 22 "NSAP",
        NSAP_PTR = 23 "NSAP-PTR",
        SIG = 24 "SIG",
        KEY = 25 "KEY",
        PX = 26 "PX",
        GPOS = 27 "GPOS",
        AAAA = 28 "AAAA",
        LOC = 29 "LOC",
        NXT = 30 "NXT",
        EID = 31 "EID",
        NIMLOC = 32 "NIMLOC",
        SRV = 33 "SRV",
        ATMA = 34 "ATMA",
        NAPTR = 35 "NAPTR",
        KX = 36 "KX",
        CERT = 37 "CERT",
        A6 = 38 "A6",
        DNAME = 39 "DNAME",
        OPT = 41 "OPT",
        APL = 42 "APL",
        DS = 43 "DS",
        SSHFP = 44 "SSHFP",
        IPSECKEY = 45 "IPSECKEY",
        RRSIG = 46 "RRSIG",
        NSEC = 47 "NSEC",
        DNSKEY = 48 "DNSKEY",
        DHCID = 49 "DHCID",
        NSEC3 = 50 "NSEC3",
        NSEC3PARAM = 51 "NSEC3PARAM",
        TLSA = 52 "TLSA",
        SMIMEA = 53 "SMIMEA",
        HIP = 55 "HIP",
        NINFO = 56 "NINFO",
        RKEY = 57 "RKEY",
        TALINK = 58 "TALINK",
        CDS = 59 "CDS",
        CDNSKEY = 60 "CDNSKEY",
        OPENPGPKEY = 61 "OPENPGPKEY",
        CSYNC = 62 "CSYNC",
        ZONEMD = 63 "ZONEMD",
        SVCB = 64 "SVCB",
        HTTPS = 65 "HTTPS",
        SPF = 99 "SPF",
        UINFO = 100 "UINFO",
        UID = 101 "UID",
        GID = 102 "GID",
        UNSPEC = 103 "UNSPEC",
        NID = 104 "NID",
        L32 = 105 "L32",
        L64 = 106 "L64",
        LP = 107 "LP",
        EUI48 = 108 "EUI48",
        EUI64 = 109 "EUI64",
        NXNAME = 128 "NXNAME",
        TKEY = 249 "TKEY",
        TSIG = 250 "TSIG",
        IXFR = 251 "IXFR",
        AXFR = 252 "AXFR",
        MAILB = 253 "MAILB",
        MAILA = 254 "MAILA",
        ANY = 255 "ANY",
        URI = 256 "URI",
        CAA = 257 "CAA",
        AVC = 258 "AVC",
        DOA = 259 "DOA",
        AMTRELAY = 260 "AMTRELAY",
        RESINFO = 261 "RESINFO",
        TA = 32768 "TA",
        DLV = 32769 "DLV",
    }
}

registry! {
    /// A class (RFC 1035 section 3.2.4).
    Class(u16), "CLASS", {
        IN = 1 "IN",
        CS = 2 "CS",
        CH = 3 "CH",
        HS = 4 "HS",
        NONE = 254 "NONE",
        ANY = 255 "ANY",
    }
}

registry! {
    /// An operation code (RFC 1035 section 4.1.1).
    Opcode(u8), "OPCODE", {
        QUERY = 0 "QUERY",
        IQUERY = 1 "IQUERY",
        STATUS = 2 "STATUS",
        NOTIFY = 4 "NOTIFY",
        UPDATE = 5 "UPDATE",
    }
}

registry! {
    /// A response code, the extended bits of RFC 6891 section 6.1.3 included.
    Rcode(u16), "RCODE", {
        NOERROR = 0 "NOERROR",
        FORMERR = 1 "FORMERR",
        SERVFAIL = 2 "SERVFAIL",
        NXDOMAIN = 3 "NXDOMAIN",
        NOTIMP = 4 "NOTIMP",
        REFUSED = 5 "REFUSED",
        YXDOMAIN = 6 "YXDOMAIN",
        YXRRSET = 7 "YXRRSET",
        NXRRSET = 8 "NXRRSET",
        NOTAUTH = 9 "NOTAUTH",
        NOTZONE = 10 "NOTZONE",
        BADVERS = 16 "BADVERS",
        BADKEY = 17 "BADKEY",
        BADTIME = 18 "BADTIME",
        BADMODE = 19 "BADMODE",
        BADNAME = 20 "BADNAME",
        BADALG = 21 "BADALG",
        BADTRUNC = 22 "BADTRUNC",
        BADCOOKIE = 23 "BADCOOKIE",
    }
}
