//! What it takes to transform an image of a million pixels on one core: to decode it and halve its sides, and to encode it in
//! each format.

use abi_core::images::{Transform, parse};
use benches::measure;
use criterion::{Criterion, Throughput};
use fastlike::images::transform;

/// The sides of the image, in pixels.
const SIDE: u32 = 1024;

fn what(options: &str) -> Transform {
    let read = parse(options, "", "");
    assert_eq!(read.errors, []);
    read.transform
}

/// A small image, made large: smooth, as photographs mostly are.
fn photograph() -> Vec<u8> {
    let small = include_bytes!("../../tests/assets/image.png");
    let options = format!("width={SIDE}&height={SIDE}&enable=upscale&format=jpg");
    let image = transform(small, &what(&options)).expect("it can be made larger");
    image.bytes.to_vec()
}

fn main() {
    let mut criterion: Criterion = measure::criterion();
    let image = photograph();
    let mut group = criterion.benchmark_group("images");
    group.throughput(Throughput::Elements(u64::from(SIDE) * u64::from(SIDE)));
    for options in [
        "width=50p&format=jpg",
        "format=jpg",
        "format=pjpg",
        "format=png",
        "format=gif",
        "format=webply",
        "format=webpll",
        "format=avif",
        "blur=20",
        "sharpen=a5,r2,t1",
    ] {
        let what = what(options);
        group.bench_function(options, |bencher| {
            bencher.iter(|| transform(&image, &what).expect("it can be done"));
        });
    }
    group.finish();
    criterion.final_summary();
}
