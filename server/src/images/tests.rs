use abi_core::images::parse;
use image::GenericImageView;

use super::*;

/// A PNG of 40 by 20: the left half red, the right one blue.
fn png() -> Vec<u8> {
    let image = RgbaImage::from_fn(40, 20, |x, _| {
        image::Rgba(if x < 20 {
            [255, 0, 0, 255]
        } else {
            [0, 0, 255, 255]
        })
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn run(query: &str) -> Result<(TransformedImage, DynamicImage), ImageError> {
    let read = parse(query, "", "");
    assert_eq!(read.errors, [], "{query}");
    let transformed = transform(&png(), &read.transform)?;
    let image = image::load_from_memory(&transformed.bytes).unwrap();
    assert_eq!(image.dimensions(), transformed.dimensions);
    Ok((transformed, image))
}

#[test]
fn dimensions_are_those_asked_for() {
    for (query, dimensions) in [
        ("", (40, 20)),
        ("width=10", (10, 5)),
        ("width=50p", (20, 10)),
        ("height=0.5", (20, 10)),
        ("width=10&dpr=2", (20, 10)),
        ("width=10&height=10", (10, 10)),
        ("width=10&height=10&fit=bounds", (10, 5)),
        ("width=10&height=10&fit=cover", (20, 10)),
        ("width=10&height=10&fit=crop", (10, 10)),
        ("width=80", (40, 20)),
        ("width=80&enable=upscale", (80, 40)),
        ("crop=1:1", (20, 20)),
        ("crop=10,5,x30,y15", (10, 5)),
        ("crop=100,5,safe", (40, 5)),
        ("precrop=50p,50p&crop=1:1", (10, 10)),
        ("trim=1,2,3,4", (34, 16)),
        ("pad=5", (50, 30)),
        ("canvas=60,60", (60, 60)),
        ("canvas=1:1", (40, 40)),
        ("orient=r", (20, 40)),
        ("orient=hv", (40, 20)),
        ("blur=3&sharpen=1,2,3", (40, 20)),
        ("width=0", (1, 1)),
    ] {
        let (image, _) = run(query).unwrap();
        assert_eq!(image.dimensions, dimensions, "{query}");
        assert_eq!(image.source_dimensions, (40, 20));
    }
}

#[test]
fn pixels_are_where_they_belong() {
    let (red, blue) = (image::Rgba([255, 0, 0, 255]), image::Rgba([0, 0, 255, 255]));
    let (_, cut) = run("crop=10,10,x0,y0").unwrap();
    assert_eq!(cut.get_pixel(9, 9), red);
    let (_, cut) = run("crop=10,10,offset-x100").unwrap();
    assert_eq!(cut.get_pixel(0, 0), blue);
    let (_, mirrored) = run("orient=h").unwrap();
    assert_eq!(mirrored.get_pixel(0, 0), blue);
    let (_, turned) = run("orient=r").unwrap();
    assert_eq!(turned.get_pixel(0, 0), red);
    assert_eq!(turned.get_pixel(0, 39), blue);
    let (_, padded) = run("pad=5&bg-color=0f0").unwrap();
    assert_eq!(padded.get_pixel(0, 0), image::Rgba([0, 255, 0, 255]));
    assert_eq!(padded.get_pixel(5, 5), red);
    let (_, clear) = run("pad=5").unwrap();
    assert_eq!(clear.get_pixel(0, 0).0[3], 0);
    let (_, grey) = run("saturation=-100").unwrap();
    let [r, g, b, _] = grey.get_pixel(0, 0).0;
    assert!(r == g && g == b);
    let (_, black) = run("brightness=-100").unwrap();
    assert_eq!(black.get_pixel(0, 0), image::Rgba([0, 0, 0, 255]));
}

#[test]
fn formats_are_written_and_read() {
    for (query, format) in [
        ("format=jpg&quality=50", Format::Jpeg),
        ("format=png", Format::Png),
        ("format=gif", Format::Gif),
        ("format=webp", Format::WebP),
    ] {
        let (transformed, _) = run(query).unwrap();
        assert_eq!(transformed.format, format);
        let again = transform(&transformed.bytes, &Transform::default()).unwrap();
        assert_eq!((again.source_format, again.format), (format, format));
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    for query in [
        "crop=41,1",
        "trim=50p",
        "pad=9000",
        "width=9000&enable=upscale",
    ] {
        assert!(run(query).is_err(), "{query}");
    }
    assert!(transform(b"text", &Transform::default()).is_err());
    assert!(transform(&png()[..60], &Transform::default()).is_err());
}
