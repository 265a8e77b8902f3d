//! Transfer syntaxes by UID: which codec, and what to call it.

/// How Pixel Data is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// Not at all.
    Native,
    /// RLE Lossless.
    Rle,
    /// JPEG, any process.
    Jpeg,
    /// JPEG-LS.
    JpegLs,
    /// JPEG 2000.
    Jpeg2000,
    /// Each frame deflated.
    DeflatedFrame,
    /// No decoder here.
    Unsupported,
}

/// The codec of a transfer syntax. An empty UID is a file that does not say: native.
pub(super) fn codec_of(uid: &str) -> Codec {
    let Some(rest) = uid.strip_prefix("1.2.840.10008.1.2") else {
        return if uid.is_empty() { Codec::Native } else { Codec::Unsupported };
    };
    match rest {
        "" | ".1" | ".1.99" | ".2" => Codec::Native,
        ".5" => Codec::Rle,
        ".8.1" => Codec::DeflatedFrame,
        ".4.50" | ".4.51" | ".4.52" | ".4.53" | ".4.54" | ".4.55" | ".4.56" | ".4.57" | ".4.58"
        | ".4.59" | ".4.60" | ".4.61" | ".4.62" | ".4.63" | ".4.64" | ".4.65" | ".4.66"
        | ".4.70" => Codec::Jpeg,
        ".4.80" | ".4.81" => Codec::JpegLs,
        ".4.90" | ".4.91" | ".4.92" | ".4.93" => Codec::Jpeg2000,
        _ => Codec::Unsupported,
    }
}

/// Whether a transfer syntax gives up detail by its nature.
pub(super) fn is_lossy(uid: &str) -> bool {
    let rest = uid.strip_prefix("1.2.840.10008.1.2.4.").unwrap_or_default();
    matches!(rest, "50" | "51" | "53" | "55" | "81" | "91" | "93" | "112" | "203")
        || (100..=110).any(|number| rest.split('.').next() == Some(number.to_string().as_str()))
            && rest != "110"
}

/// A codec's name for people, for those this build cannot decode.
pub(super) fn name_of(uid: &str) -> &'static str {
    let rest = uid.strip_prefix("1.2.840.10008.1.2.").unwrap_or_default();
    match rest {
        "4.94" | "4.95" => "JPIP, pixels kept on a server",
        "4.100" | "4.100.1" | "4.101" | "4.101.1" => "MPEG-2 video",
        "4.102" | "4.102.1" | "4.103" | "4.103.1" | "4.104" | "4.104.1" | "4.105" | "4.105.1"
        | "4.106" | "4.106.1" => "MPEG-4 AVC (H.264) video",
        "4.107" | "4.108" => "HEVC (H.265) video",
        "4.110" => "JPEG XL lossless",
        "4.111" => "JPEG XL recompressed JPEG",
        "4.112" => "JPEG XL",
        "4.201" => "HTJ2K lossless",
        "4.202" => "HTJ2K lossless RPCL",
        "4.203" => "HTJ2K",
        "4.204" | "4.205" => "JPIP HTJ2K, pixels kept on a server",
        "7.1" | "7.2" | "7.3" => "SMPTE ST 2110 streaming",
        "6.1" | "6.2" => "a text encoding",
        _ => "an unknown transfer syntax",
    }
}
