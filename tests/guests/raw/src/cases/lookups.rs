//! `fastly_geo`, `fastly_device_detection` and `fastly_uap`.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory};
use crate::sys::*;

cases![
    geo_lookup,
    geo_lookup_small_buffer,
    geo_lookup_bad_arguments,
    geo_lookup_bad_result_pointer,
    device_detection_lookup,
    device_detection_lookup_small_buffer,
    device_detection_lookup_bad_arguments,
    device_detection_lookup_bad_result_pointer,
    uap_parse,
    uap_parse_small_buffer,
    uap_parse_bad_arguments,
    uap_parse_bad_result_pointer,
];

const DEVICE: &str = "Device/1.0";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.2";

fn located(octets: &[u8]) -> Result<String, String> {
    let (mut buffer, mut nwritten) = ([0; 1024], 99);
    check_status!(
        OK,
        geo::lookup(
            octets.as_ptr(),
            octets.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    Ok(String::from_utf8_lossy(&buffer[..nwritten]).into_owned())
}

fn geo_lookup() -> Outcome {
    check_eq!(r#"{"city":"Ten"}"#, located(&[10, 9, 9, 9])?);
    check_eq!(r#"{"city":"Ten One"}"#, located(&[10, 1, 9, 9])?);
    let mut v6 = [0; 16];
    v6[..4].copy_from_slice(&[0x20, 0x01, 0x0D, 0xB8]);
    check_eq!(r#"{"city":"Six"}"#, located(&v6)?);
    check_eq!("", located(&[11, 0, 0, 1])?);
    let loopback = located(&[127, 0, 0, 1])?;
    check!(loopback.contains(r#""as_number":54113"#));
    Ok(())
}

fn geo_lookup_small_buffer() -> Outcome {
    let (octets, mut buffer, mut nwritten) = ([10, 9, 9, 9], [0; 14], 99);
    check_status!(
        BUFFER_TOO_SMALL,
        geo::lookup(octets.as_ptr(), 4, buffer.as_mut_ptr(), 13, &mut nwritten)
    );
    check_eq!((14, [0; 14]), (nwritten, buffer));
    check_status!(
        OK,
        geo::lookup(octets.as_ptr(), 4, buffer.as_mut_ptr(), 14, &mut nwritten)
    );
    check_eq!(14, nwritten);
    Ok(())
}

fn geo_lookup_bad_arguments() -> Outcome {
    let (octets, mut buffer, mut nwritten) = ([10; 17], [0; 64], 99);
    for length in [0, 1, 5, 15, 17] {
        check_status!(
            INVALID_ARGUMENT,
            geo::lookup(
                octets.as_ptr(),
                length,
                buffer.as_mut_ptr(),
                64,
                &mut nwritten
            )
        );
    }
    check_status!(
        INVALID_ARGUMENT,
        geo::lookup(end_of_memory(), 4, buffer.as_mut_ptr(), 64, &mut nwritten)
    );
    check_eq!(99, nwritten);
    Ok(())
}

fn geo_lookup_bad_result_pointer() -> Outcome {
    let (octets, mut buffer, mut nwritten) = ([10; 4], [0; 64], 99);
    check_status!(
        INVALID_ARGUMENT,
        geo::lookup(octets.as_ptr(), 4, end_of_memory(), 64, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        geo::lookup(octets.as_ptr(), 4, buffer.as_mut_ptr(), 64, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        geo::lookup(
            octets.as_ptr(),
            4,
            buffer.as_mut_ptr(),
            64,
            Misaligned::new().pointer()
        )
    );
    check_eq!(99, nwritten);
    Ok(())
}

fn device_detection_lookup() -> Outcome {
    let (mut buffer, mut nwritten) = ([0; 64], 99);
    check_status!(
        OK,
        device_detection::lookup(
            DEVICE.as_ptr(),
            DEVICE.len(),
            buffer.as_mut_ptr(),
            64,
            &mut nwritten
        )
    );
    check_eq!(
        &br#"{"device":{"name":"Example"}}"#[..],
        &buffer[..nwritten]
    );
    for unknown in ["", "Device/1.1", FIREFOX] {
        check_status!(
            NONE,
            device_detection::lookup(
                unknown.as_ptr(),
                unknown.len(),
                buffer.as_mut_ptr(),
                64,
                &mut nwritten
            )
        );
    }
    Ok(())
}

fn device_detection_lookup_small_buffer() -> Outcome {
    let (mut buffer, mut nwritten) = ([0; 64], 99);
    check_status!(
        BUFFER_TOO_SMALL,
        device_detection::lookup(
            DEVICE.as_ptr(),
            DEVICE.len(),
            buffer.as_mut_ptr(),
            28,
            &mut nwritten
        )
    );
    check_eq!(29, nwritten);
    Ok(())
}

fn device_detection_lookup_bad_arguments() -> Outcome {
    let (mut buffer, mut nwritten) = ([0; 64], 99);
    let not_text = b"\xff";
    check_status!(
        ERROR,
        device_detection::lookup(not_text.as_ptr(), 1, buffer.as_mut_ptr(), 64, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        device_detection::lookup(end_of_memory(), 1, buffer.as_mut_ptr(), 64, &mut nwritten)
    );
    check_eq!(99, nwritten);
    Ok(())
}

fn device_detection_lookup_bad_result_pointer() -> Outcome {
    let (mut buffer, mut nwritten) = ([0; 64], 99);
    check_status!(
        INVALID_ARGUMENT,
        device_detection::lookup(DEVICE.as_ptr(), 1, end_of_memory(), 64, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        device_detection::lookup(DEVICE.as_ptr(), 1, buffer.as_mut_ptr(), 64, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        device_detection::lookup(
            DEVICE.as_ptr(),
            1,
            buffer.as_mut_ptr(),
            64,
            Misaligned::new().pointer()
        )
    );
    check_eq!(99, nwritten);
    Ok(())
}

/// The four parts of a user agent: a buffer of 32 bytes each, and its length.
struct Parts {
    buffers: [[u8; 32]; 4],
    lengths: [usize; 4],
}

impl Parts {
    fn new() -> Self {
        Parts {
            buffers: [[0; 32]; 4],
            lengths: [99; 4],
        }
    }

    fn parse(&mut self, user_agent: &[u8], family_capacity: usize) -> Status {
        let [family, major, minor, patch] = &mut self.buffers;
        let [family_len, major_len, minor_len, patch_len] = &mut self.lengths;
        unsafe {
            uap::parse(
                user_agent.as_ptr(),
                user_agent.len(),
                family.as_mut_ptr(),
                family_capacity,
                family_len,
                major.as_mut_ptr(),
                32,
                major_len,
                minor.as_mut_ptr(),
                32,
                minor_len,
                patch.as_mut_ptr(),
                32,
                patch_len,
            )
        }
    }

    fn text(&self, index: usize) -> &[u8] {
        &self.buffers[index][..self.lengths[index].min(32)]
    }
}

fn uap_parse() -> Outcome {
    let mut parts = Parts::new();
    check_eq!(OK, parts.parse(FIREFOX.as_bytes(), 32));
    check_eq!(b"Firefox", parts.text(0));
    check_eq!(b"128", parts.text(1));
    check_eq!(b"2", parts.text(2));
    check_eq!(b"", parts.text(3));
    for unknown in [&b""[..], b"nothing of the kind"] {
        check_eq!(OK, parts.parse(unknown, 32));
        check_eq!(b"Other", parts.text(0));
        check_eq!([5, 0, 0, 0], parts.lengths);
    }
    Ok(())
}

fn uap_parse_small_buffer() -> Outcome {
    let mut parts = Parts::new();
    check_eq!(BUFFER_TOO_SMALL, parts.parse(FIREFOX.as_bytes(), 6));
    check_eq!([7, 3, 1, 0], parts.lengths);
    check_eq!(OK, parts.parse(FIREFOX.as_bytes(), 7));
    Ok(())
}

fn uap_parse_bad_arguments() -> Outcome {
    let mut parts = Parts::new();
    check_eq!(INVALID_ARGUMENT, parts.parse(b"\xff", 32));
    check_eq!(
        INVALID_ARGUMENT,
        parts.parse(FIREFOX.as_bytes(), u32::MAX as usize)
    );
    check_eq!([99; 4], parts.lengths);
    Ok(())
}

fn uap_parse_bad_result_pointer() -> Outcome {
    let (mut buffer, mut length) = ([0; 32], 99);
    let mut parse = |patch: *mut u8, patch_written: *mut usize| unsafe {
        uap::parse(
            FIREFOX.as_ptr(),
            FIREFOX.len(),
            buffer.as_mut_ptr(),
            32,
            &mut length,
            buffer.as_mut_ptr(),
            32,
            &mut length,
            buffer.as_mut_ptr(),
            32,
            &mut length,
            patch,
            32,
            patch_written,
        )
    };
    let (mut patch, mut patch_length) = ([0; 32], 99);
    check_eq!(INVALID_ARGUMENT, parse(end_of_memory(), &mut patch_length));
    check_eq!(INVALID_ARGUMENT, parse(patch.as_mut_ptr(), end_of_memory()));
    check_eq!(
        BAD_ALIGNMENT,
        parse(patch.as_mut_ptr(), Misaligned::new().pointer())
    );
    check_eq!((99, 99), (length, patch_length));
    Ok(())
}
