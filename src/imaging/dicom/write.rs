//! A file written again: preamble, file meta information and data set (PS3.10 7.1).

use std::io::{self, Write};

use dicom_core::{Tag, VR};
use flate2::{Compression, write::DeflateEncoder};

use super::{
    encoding::{Form, form_of, is_long},
    transfer_syntax::{Codec, codec_of},
    whole::{Element, Pixels, Value, WholeFile, find, swap},
};

/// Of this program, made once from 128 random bits.
const IMPLEMENTATION_CLASS_UID: &str = "2.25.99725203419623322069929806584833309450";
const IMPLEMENTATION_VERSION_NAME: &str = "READING_ROOM_1";
const DEFLATED: [&str; 2] = ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95"];

impl WholeFile {
    /// Write the file in its transfer syntax; the pixels stay byte for byte what they are.
    pub(in super::super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let syntax = self.transfer_syntax.as_str();
        let form = match codec_of(syntax) {
            Codec::Native => form_of(syntax),
            _ => Form::EXPLICIT,
        };
        out.write_all(&[0; 128])?;
        out.write_all(b"DICM")?;
        out.write_all(&self.meta()?)?;
        if !DEFLATED.contains(&syntax) {
            return self.data_set(form, out);
        }
        let mut packed = Vec::new();
        let mut encoder = DeflateEncoder::new(&mut packed, Compression::default());
        self.data_set(form, &mut encoder)?;
        encoder.finish()?;
        if packed.len() % 2 == 1 {
            packed.push(0);
        }
        out.write_all(&packed)
    }

    fn meta(&self) -> io::Result<Vec<u8>> {
        let instance = find(&self.elements, Tag(0x0008, 0x0018)).map(Element::text);
        let uid = |element: u16, value: &str| Element::new(Tag(0x0002, element), VR::UI, value);
        let elements = [
            Element::new(Tag(0x0002, 0x0001), VR::OB, [0, 1]),
            uid(0x0002, &self.sop_class_uid),
            uid(0x0003, &instance.unwrap_or_default()),
            uid(0x0010, &self.transfer_syntax),
            uid(0x0012, IMPLEMENTATION_CLASS_UID),
            Element::new(Tag(0x0002, 0x0013), VR::SH, IMPLEMENTATION_VERSION_NAME),
        ];
        let mut rest = Vec::new();
        encode(&elements, Form::EXPLICIT, &mut rest)?;
        let len = length(rest.len())?.to_le_bytes();
        let mut meta = Vec::new();
        let group_length = Element::new(Tag(0x0002, 0x0000), VR::UL, len);
        encode(&[group_length], Form::EXPLICIT, &mut meta)?;
        meta.extend(rest);
        Ok(meta)
    }

    fn data_set(&self, form: Form, out: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::new();
        encode(&self.elements, form, &mut bytes)?;
        out.write_all(&bytes)?;
        let Some(pixels) = &self.pixels else { return Ok(()) };
        out.write_all(&pixels_head(pixels, form)?)?;
        out.write_all(&pixels.bytes)?;
        if pixels.bytes.len() % 2 == 1 {
            out.write_all(&[0])?;
        }
        Ok(())
    }
}

fn pixels_head(pixels: &Pixels, form: Form) -> io::Result<Vec<u8>> {
    let len = if pixels.encapsulated {
        u32::MAX
    } else {
        length(pixels.bytes.len().next_multiple_of(2))?
    };
    let vr = match pixels.vr {
        _ if pixels.encapsulated => VR::OB,
        vr if is_long(vr) && !matches!(vr, VR::UN | VR::SQ) => vr,
        _ => VR::OW,
    };
    let mut head = Vec::new();
    encode_head(pixels.tag, vr, len, form, &mut head);
    Ok(head)
}

/// Every element with a defined length.
fn encode(elements: &[Element], form: Form, out: &mut Vec<u8>) -> io::Result<()> {
    for element in elements {
        let mut value = match &element.value {
            Value::Bytes(bytes) => bytes.clone(),
            Value::Items(items) => encode_items(items, form)?,
        };
        let is_sequence = matches!(element.value, Value::Items(_));
        if value.len() % 2 == 1 {
            value.push(if is_text(element.vr) { b' ' } else { 0 });
        }
        if form.big_endian && !is_sequence {
            swap(&mut value, element.vr);
        }
        let too_long = !is_long(element.vr) && value.len() > usize::from(u16::MAX);
        let vr = if is_sequence {
            VR::SQ
        } else if too_long {
            VR::UN
        } else {
            element.vr
        };
        encode_head(element.tag, vr, length(value.len())?, form, out);
        out.extend(value);
    }
    Ok(())
}

fn encode_items(items: &[Vec<Element>], form: Form) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for item in items {
        let mut content = Vec::new();
        encode(item, form, &mut content)?;
        put_tag(Tag(0xFFFE, 0xE000), form, &mut bytes);
        put_u32(length(content.len())?, form, &mut bytes);
        bytes.extend(content);
    }
    Ok(bytes)
}

fn encode_head(tag: Tag, vr: VR, len: u32, form: Form, out: &mut Vec<u8>) {
    put_tag(tag, form, out);
    if !form.explicit {
        put_u32(len, form, out);
        return;
    }
    out.extend(vr.to_bytes());
    match u16::try_from(len) {
        Ok(len) if !is_long(vr) => put_u16(len, form, out),
        _ => {
            out.extend([0, 0]);
            put_u32(len, form, out);
        }
    }
}

fn put_tag(tag: Tag, form: Form, out: &mut Vec<u8>) {
    put_u16(tag.group(), form, out);
    put_u16(tag.element(), form, out);
}

fn put_u16(value: u16, form: Form, out: &mut Vec<u8>) {
    out.extend(if form.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
}

fn put_u32(value: u32, form: Form, out: &mut Vec<u8>) {
    out.extend(if form.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
}

/// VRs that are padded with a space (PS3.5 6.2); UIDs are padded with a zero.
fn is_text(vr: VR) -> bool {
    use VR::{AE, AS, CS, DA, DS, DT, IS, LO, LT, PN, SH, ST, TM, UC, UR, UT};
    matches!(vr, AE | AS | CS | DA | DS | DT | IS | LO | LT | PN | SH | ST | TM | UC | UR | UT)
}

fn length(len: usize) -> io::Result<u32> {
    let even = u32::try_from(len).ok().filter(|len| *len < u32::MAX);
    even.ok_or_else(|| io::Error::other("a value is longer than 4 GiB"))
}
