//! The image optimizer.

use fastly::image_optimizer::{
    Area, Auto, BWMode, Crop, EnableOpt, Fit, Format, ImageOptimizerOptions, ImageOptimizerRegion,
    OptimizeLevel, PixelsOrPercentage,
};
use fastly::{Request, Response};

use crate::{Outcome, Query, failed, option};

/// An image of a backend, transformed as the query says; the client's `accept` goes with the request.
pub fn transformed(backend: &str, accept: &str, query: &Query) -> Outcome {
    let mut options = ImageOptimizerOptions::from_region(ImageOptimizerRegion::EuCentral);
    options.width = option(query, "percent").map(PixelsOrPercentage::Percentage);
    options.height = option(query, "height").map(PixelsOrPercentage::Pixels);
    options.quality = option(query, "quality");
    options.frame = option(query, "frame");
    options.allow_malformed_query_params = option(query, "lenient");
    options.preserve_query_string_on_origin_request = option(query, "preserve");
    let text = |name: &str| query.get(name).map(String::as_str);
    options.format = text("format").map(|format| match format {
        "avif" => Format::AVIF,
        "jpeg" => Format::JPEG,
        "jpegxl" => Format::JPEGXL,
        "webp" => Format::WebP,
        _ => Format::PNG,
    });
    options.auto = text("auto").map(|_| Auto::WebP);
    options.bw = text("bw").map(|_| BWMode::DefaultThreshold);
    options.enable = text("upscale").map(|_| EnableOpt::Upscale);
    options.fit = text("fit").map(|_| Fit::Cover);
    options.optimize = text("optimize").map(|_| OptimizeLevel::High);
    options.crop = text("square").map(|_| Crop {
        size: Area::AspectRatio((1, 1)),
        position: None,
        mode: None,
    });
    let request = Request::get("http://images/image.png?id=1&orient=1")
        .with_header("accept", accept)
        .with_image_optimizer(options);
    let response: Result<Response, _> = request.send(backend);
    response.map_err(|error| failed(&error))
}
