//! Assertions about the SDK's body API.

use crate::check::{Outcome, check, check_eq};
use fastly::Body;
use fastly::experimental::BodyExt;
use std::io::{Read, Write};

/// Runs them all.
pub fn run() -> Outcome {
    append()?;
    known_length()?;
    write_while_reading()?;
    front()?;
    odd_sizes()?;
    trailers()
}

/// Appended bodies come out one behind the other, whether they were written or taken from bytes.
fn append() -> Outcome {
    let mut body = Body::from("one ");
    body.append(Body::from("two "));
    let mut third = Body::new();
    write!(third, "{}", "three ").expect("a body can be written");
    third.append(Body::from("four "));
    body.append(third);
    body.append(Body::new());
    write!(body, "five").expect("a body can be written");
    check_eq!("one two three four five", body.into_string());
    Ok(())
}

/// A body that consists of bytes the host holds has a known length.
fn known_length() -> Outcome {
    check_eq!(Some(0), Body::new().known_length());
    check_eq!(Some(5), Body::from("hello").known_length());
    let mut body = Body::from(vec![b'x'; 100_000]);
    check_eq!(Some(100_000), body.known_length());
    body.append(Body::from("tail"));
    check_eq!(Some(100_004), body.known_length());
    Ok(())
}

/// What is written while a body is read is read after what was there.
fn write_while_reading() -> Outcome {
    let mut body = Body::from("before");
    let mut start = [0; 3];
    body.read_exact(&mut start).expect("a body can be read");
    check_eq!(b"bef", &start);
    body.write_all(b" after").expect("a body can be written");
    body.flush().expect("a body can be flushed");
    let mut rest = String::new();
    body.read_to_string(&mut rest).expect("a body can be read");
    check_eq!("ore after", rest);
    Ok(())
}

/// The SDK writes to the front of a body to put a prefix back that it took off and lent out.
fn front() -> Outcome {
    let mut body = Body::from("hello, world");
    {
        let mut prefix = body.get_prefix_mut(5);
        check_eq!(b"hello".as_slice(), &prefix[..]);
        prefix.make_ascii_uppercase();
    }
    check_eq!("HELLO, world", body.into_string());
    Ok(())
}

/// A body comes out whole whatever the size of the pieces it is read in.
fn odd_sizes() -> Outcome {
    let expected: Vec<u8> = (0..100_003u32).map(|index| (index % 251) as u8).collect();
    for size in [1, 7, 4095, 8193, 65_537, 1_000_000] {
        // The handle is read, because the body's own buffer would even the sizes out.
        let mut handle = Body::from(expected.as_slice()).into_handle();
        let mut actual = Vec::with_capacity(expected.len());
        let mut piece = vec![0; size];
        loop {
            let count = handle.read(&mut piece).expect("a body can be read");
            if count == 0 {
                break;
            }
            actual.extend_from_slice(&piece[..count]);
        }
        check_eq!((size, true), (size, expected == actual));
    }
    let chunks: Vec<usize> = Body::from(expected.as_slice())
        .read_chunks(30_000)
        .map(|chunk| chunk.map(|chunk| chunk.len()).unwrap_or(0))
        .collect();
    check_eq!(expected.len(), chunks.iter().sum::<usize>());
    Ok(())
}

/// Trailers are there once the body has been read to its end, not before, and move with the body
/// they were put on.
fn trailers() -> Outcome {
    let mut body = Body::from("content");
    body.append_trailer("x-one", "1");
    body.append_trailer("x-many", "2");
    body.append_trailer("x-many", "3");
    check!(body.get_trailers().is_err());

    let mut outer = Body::from("outer ");
    outer.append(body);
    let mut content = String::new();
    outer
        .read_to_string(&mut content)
        .expect("a body can be read");
    check_eq!("outer content", content);

    let trailers = outer
        .get_trailers()
        .map_err(|error| format!("the trailers of a finished body: {error:?}"))?;
    check_eq!(3, trailers.len());
    check_eq!("1", trailers["x-one"]);
    let many: Vec<_> = trailers.get_all("x-many").iter().collect();
    check_eq!(vec!["2", "3"], many);
    Ok(())
}
