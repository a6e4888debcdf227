//! `fastly_shielding`.

use super::cases;
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::end_of_memory;
use crate::sys::*;

cases![shielding_info, shielding_backend, shielding_bad_arguments];

fn info(name: &str) -> Result<Vec<u8>, String> {
    let mut buffer = [0; 128];
    let mut nwritten = 0;
    check_status!(
        OK,
        shielding::shield_info(
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    Ok(buffer[..nwritten].to_vec())
}

fn shielding_info() -> Outcome {
    check_eq!([1, 0, 0].to_vec(), info("here")?);
    let there = b"\0http://shield.example/plain\0https://shield.example/encrypted\0";
    check_eq!(there.to_vec(), info("there")?);
    let (mut buffer, mut nwritten) = ([0; 2], 0);
    check_status!(
        BUFFER_TOO_SMALL,
        shielding::shield_info(
            "here".as_ptr(),
            4,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_eq!(3, nwritten);
    Ok(())
}

fn backend_of(url: &str, options: u32, record: &[u32; 4]) -> Result<String, String> {
    let mut buffer = [0; 255];
    let mut nwritten = 0;
    check_status!(
        OK,
        shielding::backend_for_shield(
            url.as_ptr(),
            url.len(),
            options,
            record.as_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    Ok(String::from_utf8_lossy(&buffer[..nwritten]).into_owned())
}

fn shielding_backend() -> Outcome {
    let url = "https://shield.example/encrypted";
    let name = backend_of(url, 0, &[0; 4])?;
    let (mut number, mut port) = (0, 0);
    check_status!(
        OK,
        backend::is_dynamic(name.as_ptr(), name.len(), &mut number)
    );
    check_eq!(1, number);
    check_status!(OK, backend::is_ssl(name.as_ptr(), name.len(), &mut number));
    check_eq!(1, number);
    check_status!(OK, backend::get_port(name.as_ptr(), name.len(), &mut port));
    check_eq!(443, port);
    check_eq!(name, backend_of(url, 0, &[0; 4])?);
    let key = "key";
    let record = [key.as_ptr() as u32, key.len() as u32, 1_500, 2_500];
    let limited = backend_of(url, 0b1110, &record)?;
    check_status!(
        OK,
        backend::get_first_byte_timeout_ms(limited.as_ptr(), limited.len(), &mut number)
    );
    check_eq!(1_500, number);
    check_status!(
        OK,
        backend::get_between_bytes_timeout_ms(limited.as_ptr(), limited.len(), &mut number)
    );
    check_eq!(2_500, number);
    Ok(())
}

fn shielding_bad_arguments() -> Outcome {
    let (mut buffer, mut nwritten) = ([0; 128], 0);
    check_status!(
        INVALID_ARGUMENT,
        shielding::shield_info(
            "nowhere".as_ptr(),
            7,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        shielding::shield_info("here".as_ptr(), 4, buffer.as_mut_ptr(), 8, end_of_memory())
    );
    for (url, options) in [
        ("there", 0),
        ("ftp://a", 0),
        ("http://a", 1),
        ("http://a", 16),
    ] {
        check_status!(
            INVALID_ARGUMENT,
            shielding::backend_for_shield(
                url.as_ptr(),
                url.len(),
                options,
                [0; 4].as_ptr(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &mut nwritten
            )
        );
    }
    // A name that does not fit defines nothing, and says what it needs.
    let url = "http://shield.example";
    check_status!(
        BUFFER_TOO_SMALL,
        shielding::backend_for_shield(
            url.as_ptr(),
            url.len(),
            0,
            [0; 4].as_ptr(),
            buffer.as_mut_ptr(),
            1,
            &mut nwritten
        )
    );
    check_eq!("shield http://shield.example".len(), nwritten);
    Ok(())
}
