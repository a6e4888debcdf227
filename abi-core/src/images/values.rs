//! What the values of parameters mean. A value that cannot be read is a text that says why.

use super::parameters::{
    Area, BlackAndWhite, Color, Crop, Filter, Fit, Length, Offset, Optimize, Orientation, Sharpen,
    TrimColor,
};

/// A value, or why it is none.
pub(super) type Parsed<T> = Result<T, &'static str>;

pub(super) fn boolean(value: &str) -> Parsed<bool> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("the value is neither true nor false"),
    }
}

pub(super) fn number(value: &str, min: f64, max: f64) -> Parsed<f64> {
    let number: f64 = value.parse().map_err(|_| "the value is not a number")?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err("the number is out of range")
    }
}

/// A number above 0.
pub(super) fn positive(value: &str, max: f64) -> Parsed<f64> {
    match number(value, 0.0, max)? {
        0.0 => Err("the number has to be larger than 0"),
        number => Ok(number),
    }
}

/// The largest number of pixels that a length can say.
const PIXELS_MAX: f64 = 65_536.0;

/// Pixels, percent with a `p`, or below 1 a share.
pub(super) fn length(value: &str) -> Parsed<Length> {
    if let Some(percent) = value.strip_suffix('p') {
        return Ok(Length::Percent(number(percent, 0.0, 10_000.0)?));
    }
    let number = number(value, 0.0, PIXELS_MAX)?;
    Ok(if number > 0.0 && number < 1.0 {
        Length::Percent(number * 100.0)
    } else {
        Length::Pixels(number)
    })
}

/// One to four lengths, as CSS has them for margins.
pub(super) fn sides(value: &str) -> Parsed<[Length; 4]> {
    let sides: Vec<Length> = value.split(',').map(length).collect::<Parsed<_>>()?;
    match sides[..] {
        [all] => Ok([all; 4]),
        [vertical, horizontal] => Ok([vertical, horizontal, vertical, horizontal]),
        [top, horizontal, bottom] => Ok([top, horizontal, bottom, horizontal]),
        [top, right, bottom, left] => Ok([top, right, bottom, left]),
        _ => Err("it takes one to four sides"),
    }
}

pub(super) fn crop(value: &str, has_mode: bool) -> Parsed<Crop> {
    let mut parts = value.split(',');
    let first = parts.next().unwrap_or_default();
    let area = match first.split_once(':') {
        Some((width, height)) => {
            let side = |side| number(side, 0.001, PIXELS_MAX);
            Area::Ratio(side(width)?, side(height)?)
        }
        None => {
            let height = parts.next().ok_or("it takes a width and a height")?;
            Area::Size(length(first)?, length(height)?)
        }
    };
    let (mut x, mut y, mut safe) = (Offset::Centre, Offset::Centre, false);
    for part in parts {
        if let Some(share) = part.strip_prefix("offset-x") {
            x = share_of(share)?;
        } else if let Some(share) = part.strip_prefix("offset-y") {
            y = share_of(share)?;
        } else if let Some(at) = part.strip_prefix('x') {
            x = Offset::At(length(at)?);
        } else if let Some(at) = part.strip_prefix('y') {
            y = Offset::At(length(at)?);
        } else {
            match part {
                "safe" if has_mode => safe = true,
                "smart" if has_mode => return Err("this host does not support `smart`"),
                _ => return Err("there is a part that is no position"),
            }
        }
    }
    Ok(Crop { area, x, y, safe })
}

fn share_of(value: &str) -> Parsed<Offset> {
    let value = value.strip_suffix('p').unwrap_or(value);
    Ok(Offset::Share(number(value, 0.0, 100.0)?))
}

pub(super) fn orientation(value: &str) -> Parsed<Orientation> {
    Ok(Orientation::Exif(match value {
        "1" => 1,
        "h" | "2" => 2,
        "hv" | "vh" | "3" => 3,
        "v" | "4" => 4,
        "5" => 5,
        "r" | "6" => 6,
        "7" => 7,
        "l" | "8" => 8,
        _ => return Err("there is no such orientation"),
    }))
}

pub(super) fn fit(value: &str) -> Parsed<Fit> {
    match value {
        "bounds" => Ok(Fit::Bounds),
        "cover" => Ok(Fit::Cover),
        "crop" => Ok(Fit::Crop),
        _ => Err("the value is none of bounds, cover and crop"),
    }
}

pub(super) fn frame(value: &str) -> Parsed<u32> {
    match value.parse() {
        Ok(0) => Err("frames are counted from 1"),
        Ok(number) => Ok(number),
        Err(_) => Err("the value is not the number of a frame"),
    }
}

/// A colour or `auto`, and maybe how much others may differ from it.
pub(super) fn trim_color(value: &str) -> Parsed<TrimColor> {
    let (given, threshold) = match value.rsplit_once(",t") {
        Some((color, threshold)) => (color, number(threshold, 0.0, 1.0)?),
        None => (value, 0.0),
    };
    Ok(TrimColor {
        color: match given {
            "auto" => None,
            _ => Some(color(given)?),
        },
        threshold,
    })
}

/// The luminance from which on pixels are white, where none is given.
const LUMINANCE_DEFAULT: f64 = 49.0;

pub(super) fn black_and_white(value: &str) -> Parsed<BlackAndWhite> {
    match value.split_once(',') {
        None if value == "atkinson" => Ok(BlackAndWhite::Atkinson),
        None if value == "threshold" => Ok(BlackAndWhite::Threshold(LUMINANCE_DEFAULT)),
        Some(("threshold", luminance)) => {
            Ok(BlackAndWhite::Threshold(number(luminance, 0.0, 100.0)?))
        }
        _ => Err("the value is neither atkinson nor threshold with or without a luminance"),
    }
}

pub(super) fn optimize(value: &str) -> Parsed<Optimize> {
    match value {
        "low" => Ok(Optimize::Low),
        "medium" => Ok(Optimize::Medium),
        "high" => Ok(Optimize::High),
        _ => Err("the value is none of low, medium and high"),
    }
}

pub(super) fn upscale(value: &str) -> Parsed<bool> {
    match value {
        "upscale" => Ok(true),
        _ => Err("this host knows only `upscale`"),
    }
}

pub(super) fn filter(value: &str) -> Parsed<Filter> {
    match value {
        "nearest" => Ok(Filter::Nearest),
        "bilinear" | "linear" => Ok(Filter::Bilinear),
        "bicubic" | "cubic" => Ok(Filter::Bicubic),
        "lanczos3" | "lanczos" => Ok(Filter::Lanczos3),
        "lanczos2" => Ok(Filter::Lanczos2),
        _ => Err("the value is none of nearest, bilinear, bicubic, lanczos2 and lanczos3"),
    }
}

/// `rgb` and `rrggbb` in hexadecimal, or `red,green,blue` with or without an alpha.
pub(super) fn color(value: &str) -> Parsed<Color> {
    const INVALID: &str = "the value is not a colour";
    if value.contains(',') {
        let parts: Vec<&str> = value.split(',').collect();
        let (rgb, alpha) = match parts[..] {
            [r, g, b] => ([r, g, b], 1.0),
            [r, g, b, alpha] => ([r, g, b], number(alpha, 0.0, 1.0)?),
            _ => return Err(INVALID),
        };
        let mut color = [0; 3];
        for (byte, text) in color.iter_mut().zip(rgb) {
            *byte = text.parse().map_err(|_| INVALID)?;
        }
        return Ok(Color { rgb: color, alpha });
    }
    let digits: Option<Vec<u32>> = value.chars().map(|digit| digit.to_digit(16)).collect();
    let rgb = match digits.as_deref() {
        Some(&[r, g, b]) => [r * 17, g * 17, b * 17],
        Some(&[r, r2, g, g2, b, b2]) => [r * 16 + r2, g * 16 + g2, b * 16 + b2],
        _ => return Err(INVALID),
    };
    Ok(Color {
        rgb: rgb.map(|part| part as u8),
        alpha: 1.0,
    })
}

pub(super) fn sharpen(value: &str) -> Parsed<Sharpen> {
    let parts: Vec<&str> = value.split(',').collect();
    let amount = |text: &str| number(text.strip_prefix('a').unwrap_or(text), 0.0, 10.0);
    let radius = |text: &str| number(text.strip_prefix('r').unwrap_or(text), 0.5, 1_000.0);
    let threshold = |text: &str| number(text.strip_prefix('t').unwrap_or(text), 0.0, 255.0);
    match parts[..] {
        [a, r, t] => Ok(Sharpen {
            amount: amount(a)?,
            radius: radius(r)?,
            threshold: threshold(t)?,
        }),
        _ => Err("it takes an amount, a radius and a threshold"),
    }
}

/// One or two qualities, of which the SDKs allow 0 as well.
pub(super) fn qualities(value: &str) -> Parsed<(Option<u8>, Option<u8>)> {
    let quality = |text| Ok::<_, &str>(number(text, 0.0, 100.0)?.round().max(1.0) as u8);
    Ok(match value.split_once(',') {
        Some((first, second)) => (Some(quality(first)?), Some(quality(second)?)),
        None => (Some(quality(value)?), None),
    })
}
