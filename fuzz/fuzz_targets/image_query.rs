//! What guests and clients ask of the image optimizer: it is done to a small image, or an error names the parameter.
#![no_main]

use abi_core::images::{RESULT_SIDE_MAX, parse};
use fastlike::images::transform;
use libfuzzer_sys::fuzz_target;

/// Eight by four pixels, some of which are transparent.
const IMAGE: &[u8] = include_bytes!("../seeds/image_bytes/small.png");

/// How many times as long a side may become here: larger ones only take longer.
const SIDE_MAX: f64 = 256.0;

fuzz_target!(|text: &str| {
    let (options, query) = text.split_once('\n').unwrap_or((text, ""));
    let read = parse(options, query, "image/webp");
    for error in &read.errors {
        assert!(error.to_string().starts_with("parameter `"));
    }
    let mut what = read.transform;
    let large = |length: abi_core::images::Length| length.of(8) > SIDE_MAX;
    let sizes = [what.width, what.height].into_iter().flatten();
    let sides = [what.pad, what.trim].into_iter().flatten().flatten();
    if sizes.chain(sides).any(large) || what.device_pixel_ratio.is_some_and(|ratio| ratio > 4.0) {
        return;
    }
    // The area of a canvas is bounded by a ratio alone, too.
    what.canvas = what.canvas.filter(|canvas| match canvas.area {
        abi_core::images::Area::Ratio(x, y) => x / y < 32.0 && y / x < 32.0,
        abi_core::images::Area::Size(x, y) => !large(x) && !large(y),
    });
    if let Ok(image) = transform(IMAGE, &what) {
        assert!(image.dimensions.0.max(image.dimensions.1) <= RESULT_SIDE_MAX);
        assert_eq!(image.source_dimensions, (8, 4));
    }
});
