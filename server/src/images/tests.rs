use std::io::Cursor;

use abi_core::images::{Format, parse};
use image::{AnimationDecoder, DynamicImage, GenericImageView, ImageFormat, RgbaImage};

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
    let read = parse(query, "", "image/avif,image/webp");
    assert_eq!(read.errors, [], "{query}");
    let transformed = transform(&png(), &read.transform)?;
    let image = image::load_from_memory(&transformed.bytes).unwrap();
    assert_eq!(image.dimensions(), transformed.dimensions);
    Ok((transformed, image))
}

/// How far a filter looks shows in what an edge makes of the pixels beside it.
#[test]
fn filters_see_as_far_as_they_are_named() {
    let image = RgbaImage::from_fn(40, 1, |x, _| {
        let grey = if x < 20 { 50 } else { 200 };
        image::Rgba([grey, grey, grey, 255])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let mut results = Vec::new();
    // Four pixels before the edge were one. What of them a filter changes, up to the furthest.
    for (filter, changed) in [
        ("nearest", 0),
        ("bilinear", 2),
        ("bicubic", 6),
        ("lanczos2", 6),
        ("lanczos3", 9),
    ] {
        let query = format!("width=160&height=1&enable=upscale&resize-filter={filter}");
        let read = parse(&query, "", "");
        assert_eq!(read.errors, []);
        let transformed = transform(bytes.get_ref(), &read.transform).unwrap();
        let image = image::load_from_memory(&transformed.bytes).unwrap();
        let image = image.into_rgba8();
        let first = (0..80).find(|x| image.get_pixel(*x, 0).0[0] != 50);
        assert_eq!(80 - first.unwrap_or(80), changed, "{filter}");
        assert!(!results.contains(&image), "{filter} is another filter");
        results.push(image);
    }
    let (transformed, image) = run("width=3&height=9&resize-filter=lanczos2").unwrap();
    assert_eq!(transformed.dimensions, (3, 9));
    assert_eq!(image.get_pixel(0, 4).0, [255, 0, 0, 255]);
    assert_eq!(image.get_pixel(2, 4).0, [0, 0, 255, 255]);
}

#[test]
fn dimensions_are_those_asked_for() {
    for (query, dimensions) in [
        ("", (40, 20)),
        ("width=10", (10, 5)),
        ("width=50p", (20, 10)),
        ("height=0.5", (20, 10)),
        ("width=10&dpr=2", (20, 10)),
        ("dpr=0.5", (20, 10)),
        ("dpr=2", (40, 20)),
        ("dpr=2&enable=upscale", (80, 40)),
        ("dpr=2&enable=upscale&disable=upscale", (40, 20)),
        ("width=10&fit=crop", (10, 5)),
        ("width=10&height=30&fit=cover", (40, 20)),
        ("width=10&height=30&fit=cover&enable=upscale", (60, 30)),
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

/// What is in the first bytes of a file.
fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            rest @ ..,
        ] => match &rest[..4] {
            b"VP8L" => "WebP without loss",
            _ => "WebP with loss",
        },
        [
            _,
            _,
            _,
            _,
            b'f',
            b't',
            b'y',
            b'p',
            b'a',
            b'v',
            b'i',
            b'f',
            ..,
        ] => "AVIF",
        [0xFF, 0xD8, ..] if bytes.windows(2).any(|pair| pair == [0xFF, 0xC2]) => "progressive JPEG",
        [0xFF, 0xD8, ..] => "JPEG",
        [0x89, b'P', b'N', b'G', ..] => "PNG",
        [b'G', b'I', b'F', ..] => "GIF",
        _ => "something else",
    }
}

fn kind_of(image: &[u8], query: &str) -> &'static str {
    let read = parse(query, "", "image/avif,image/webp");
    assert_eq!(read.errors, [], "{query}");
    kind(&transform(image, &read.transform).unwrap().bytes)
}

#[test]
fn formats_are_written_and_read() {
    for (query, format) in [
        ("format=jpg&quality=50", Format::Jpeg),
        ("format=pjpg", Format::Jpeg),
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

#[cfg(all(feature = "avif", feature = "webp"))]
#[test]
fn formats_are_of_the_kind_asked_for() {
    let jpeg = transform(&png(), &parse("format=jpg", "", "").transform)
        .unwrap()
        .bytes;
    for (query, of_png, of_jpeg) in [
        ("", "PNG", "JPEG"),
        ("format=pjpg", "progressive JPEG", "progressive JPEG"),
        ("format=bjpg", "JPEG", "JPEG"),
        ("format=webp", "WebP without loss", "WebP with loss"),
        ("format=webp&quality=50", "WebP with loss", "WebP with loss"),
        ("format=webply", "WebP with loss", "WebP with loss"),
        ("format=webpll", "WebP without loss", "WebP without loss"),
        ("auto=webp", "WebP without loss", "WebP with loss"),
        ("format=pjpg&auto=webp", "WebP with loss", "WebP with loss"),
        (
            "format=png&auto=webp",
            "WebP without loss",
            "WebP without loss",
        ),
        ("format=avif", "AVIF", "AVIF"),
        ("auto=avif", "AVIF", "AVIF"),
        ("format=auto", "AVIF", "AVIF"),
        ("auto=webp,avif", "AVIF", "AVIF"),
    ] {
        assert_eq!(kind_of(&png(), query), of_png, "{query}");
        assert_eq!(kind_of(&jpeg, query), of_jpeg, "{query}");
    }
}

/// A photograph of sorts: a picture whose file becomes smaller with its quality.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let image = RgbaImage::from_fn(64, 64, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 27) as u8;
        image::Rgba([x as u8 * 3 + noise, y as u8 * 3 + noise, noise, 255])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[cfg(all(feature = "avif", feature = "webp"))]
#[test]
fn quality_is_honoured() {
    let noise = noise();
    let size = |query: &str| {
        let read = parse(query, "", "image/webp");
        assert_eq!(read.errors, [], "{query}");
        transform(&noise, &read.transform).unwrap().bytes.len()
    };
    for format in ["jpg", "pjpg", "webply", "avif"] {
        let sizes = [10, 50, 95].map(|quality| size(&format!("format={format}&quality={quality}")));
        assert!(
            sizes.is_sorted_by(|one, other| one < other),
            "{format}: {sizes:?}"
        );
        let optimized = ["high", "medium", "low"]
            .map(|level| size(&format!("format={format}&optimize={level}")));
        assert!(
            optimized.is_sorted_by(|one, other| one < other),
            "{format}: {optimized:?}"
        );
        let both = size(&format!("format={format}&quality=10&optimize=low"));
        assert_eq!(both, sizes[0], "quality is more precise");
    }
    assert_eq!(
        size("format=jpg&auto=webp&quality=95,10"),
        size("format=webply&quality=10")
    );
    // Formats without loss have no quality.
    assert_eq!(size("format=png&quality=10"), size("format=png"));
}

#[test]
fn an_image_does_not_grow_by_quality_alone() {
    let small = transform(&noise(), &parse("format=jpg&quality=20", "", "").transform).unwrap();
    let what = |query: &str| parse(query, "", "").transform;
    let same = transform(&small.bytes, &what("quality=100")).unwrap();
    assert_eq!(same.bytes, small.bytes);
    let other = transform(&small.bytes, &what("quality=100&brightness=1")).unwrap();
    assert!(other.bytes.len() > small.bytes.len());
}

/// A GIF of 6 by 4: one frame is red, the next one blue.
fn animation() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for color in [[255, 0, 0, 255], [0, 0, 255, 255]] {
        let image = RgbaImage::from_pixel(6, 4, image::Rgba(color));
        let delay = image::Delay::from_numer_denom_ms(50, 1);
        encoder
            .encode_frame(image::Frame::from_parts(image, 0, 0, delay))
            .unwrap();
    }
    drop(encoder);
    bytes
}

#[test]
fn animations_stay_animations_as_long_as_they_can() {
    let run = |query: &str| {
        let read = parse(query, "", "");
        assert_eq!(read.errors, [], "{query}");
        transform(&animation(), &read.transform)
    };
    let halved = run("width=50p").unwrap();
    assert_eq!((halved.dimensions, &*halved.warnings), ((3, 2), &[][..]));
    let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(&halved.bytes)).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1].delay(), image::Delay::from_numer_denom_ms(50, 1));
    assert_eq!(frames[1].buffer().get_pixel(0, 0).0, [0, 0, 255, 255]);

    let vast = run("width=6000&height=6000&enable=upscale&resize-filter=nearest");
    assert!(vast.unwrap_err().0.contains("too many pixels"));

    let still = run("format=png").unwrap();
    let [warning] = &still.warnings[..] else {
        panic!("{:?}", still.warnings)
    };
    assert!(warning.contains("animated"), "{warning}");
    for (query, color) in [
        ("format=png&frame=1", [255, 0, 0, 255]),
        ("format=png&frame=2", [0, 0, 255, 255]),
    ] {
        let frame = run(query).unwrap();
        assert_eq!(frame.warnings, Vec::<String>::new(), "{query}");
        let image = image::load_from_memory(&frame.bytes).unwrap();
        assert_eq!(image.get_pixel(0, 0).0, color, "{query}");
    }
    assert!(run("frame=3").unwrap_err().0.contains("`frame`"));
    let what = parse("frame=2", "", "").transform;
    assert!(transform(&png(), &what).unwrap_err().0.contains("`frame`"));
}

#[test]
fn borders_of_a_colour_are_taken_off() {
    // The left half of the image is red.
    for (query, width) in [
        ("trim-color=auto", 20),
        ("trim-color=f00", 20),
        ("trim-color=0,0,255", 20),
        ("trim-color=250,5,5,t0.1", 20),
        ("trim-color=250,5,5", 40),
        ("trim-color=0f0", 40),
    ] {
        let (_, image) = run(query).unwrap();
        assert_eq!(image.dimensions(), (width, 20), "{query}");
    }
    assert!(
        run("trim-color=f00,t1")
            .unwrap_err()
            .0
            .contains("`trim-color`")
    );
}

#[test]
fn black_and_white_leaves_no_other_colour() {
    for query in ["bw=threshold", "bw=threshold,10", "bw=atkinson"] {
        let read = parse(&format!("{query}&format=png"), "", "").transform;
        let image = image::load_from_memory(&transform(&noise(), &read).unwrap().bytes).unwrap();
        let mut counts = [0, 0];
        for pixel in image.to_rgb8().pixels() {
            match pixel.0 {
                [0, 0, 0] => counts[0] += 1,
                [255, 255, 255] => counts[1] += 1,
                other => panic!("{query}: {other:?}"),
            }
        }
        assert!(counts.iter().all(|count| *count > 0), "{query}: {counts:?}");
    }
    // A higher luminance makes a darker image.
    let whites = |query: &str| {
        let (_, image) = run(query).unwrap();
        let image = image.to_rgb8();
        image.pixels().filter(|pixel| pixel.0[0] == 255).count()
    };
    assert_eq!(whites("bw=threshold,5"), 800);
    assert_eq!(whites("bw=threshold,15"), 400);
    assert_eq!(whites("bw=threshold,75"), 0);
}

#[test]
fn what_cannot_be_done_is_said() {
    for query in [
        "crop=41,1",
        "trim=50p",
        "pad=9000",
        "width=9000&enable=upscale",
        "crop=1:1,x30",
    ] {
        assert!(run(query).is_err(), "{query}");
    }
    assert!(transform(b"text", &Transform::default()).is_err());
    assert!(transform(&png()[..60], &Transform::default()).is_err());
}

/// A PNG that says it has so many pixels, and has none.
fn empty_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    // The checksum of the header, bit by bit.
    let mut checksum = !0_u32;
    for byte in &bytes[12..29] {
        checksum ^= u32::from(*byte);
        for _ in 0..8 {
            let reduced = if checksum & 1 == 1 { 0xEDB8_8320 } else { 0 };
            checksum = (checksum >> 1) ^ reduced;
        }
    }
    bytes[29..33].copy_from_slice(&(!checksum).to_be_bytes());
    bytes
}

#[test]
fn images_of_too_many_pixels_are_refused_by_their_header() {
    let refused = |width, height| {
        let bytes = empty_png(width, height);
        transform(&bytes, &Transform::default()).unwrap_err().0
    };
    assert!(
        refused(12_001, 1).contains("limit"),
        "{}",
        refused(12_001, 1)
    );
    assert!(
        refused(1, 12_001).contains("limit"),
        "{}",
        refused(1, 12_001)
    );
    // Within the limits, it is found out that there are no pixels.
    assert!(
        !refused(12_000, 1).contains("limit"),
        "{}",
        refused(12_000, 1)
    );
}

#[test]
fn an_image_without_pixels_is_refused() {
    // A canvas of 0 by 0, with a frame of one pixel on it.
    let frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";
    let colors = b"\0\0\0\xff\xff\xff";
    let head = b"GIF89a\0\0\0\0\x80\0\0";
    let bytes = [&head[..], colors, frame, b"\x3b"].concat();
    for query in ["", "format=png", "crop=1:1&format=png", "trim-color=auto"] {
        let what = parse(query, "", "").transform;
        let error = transform(&bytes, &what).unwrap_err().0;
        assert!(error.contains("no pixels"), "{query}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_hosts_share_the_cores() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut taken = Vec::new();
    for _ in 0..cores {
        taken.push(limits::core().await.unwrap());
    }
    let one = LocalImages::new(Handle::current());
    let mut waiting = one.transform(png().into(), Transform::default());
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let other = LocalImages::new(Handle::current());
    let mut waiting_too = other.transform(png().into(), Transform::default());
    assert!(futures_util::poll!(&mut waiting_too).is_pending());
    drop(taken);
    assert!(waiting.await.is_ok() && waiting_too.await.is_ok());
}
