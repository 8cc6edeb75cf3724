/// The part of the map's sheet that is shown: around what is on it, in the sheet's proportions.
struct SheetView {
    /// Upper left corner on the sheet, and how many times it is enlarged.
    private let origin: SheetPoint
    private let zoom: Double

    /// - Parameter zoomLimit: how far it may be enlarged, at least 1.
    init(around points: [SheetPoint], zoomLimit: Double) {
        let (width, height) = (MapProjection.width, MapProjection.height)
        guard let first = points.first else {
            (origin, zoom) = (SheetPoint(x: 0, y: 0), 1)
            return
        }
        var (low, high) = (first, first)
        for point in points {
            low = SheetPoint(x: min(low.x, point.x), y: min(low.y, point.y))
            high = SheetPoint(x: max(high.x, point.x), y: max(high.y, point.y))
        }
        // A tenth of the sheet around, so that labels have room and the region is recognised.
        let share = max(
            (high.x - low.x + width / 5) / width, (high.y - low.y + height / 5) / height)
        zoom = min(zoomLimit, max(1, 1 / share))
        let (w, h) = (width / zoom, height / zoom)
        origin = SheetPoint(
            x: min(width - w, max(0, (low.x + high.x - w) / 2)),
            y: min(height - h, max(0, (low.y + high.y - h) / 2)))
    }

    /// From the whole sheet to what is shown of it.
    func place(_ point: SheetPoint) -> SheetPoint {
        SheetPoint(x: (point.x - origin.x) * zoom, y: (point.y - origin.y) * zoom)
    }

    /// The same as an SVG transform.
    var transform: String {
        func text(_ value: Double) -> String {
            var bytes: [UInt8] = []
            bytes.append(jsonNumber: value, decimals: 3)
            return String(decoding: bytes, as: UTF8.self)
        }
        return "translate(\(text(-origin.x * zoom)) \(text(-origin.y * zoom))) scale(\(text(zoom)))"
    }
}

/// Puts labels where they cover neither marks nor one another; what finds no room stays off.
struct MapLabels {
    struct Label {
        var point: SheetPoint
        /// SVG's `text-anchor`.
        var anchor: String
    }

    private struct Box {
        var left, top, right, bottom: Double

        func meets(_ other: Box) -> Bool {
            left < other.right && other.left < right && top < other.bottom && other.top < bottom
        }
    }

    private var taken: [Box] = []
    /// The ways of the trips: labels stay off them where there is another side.
    private var ways: [Box] = []

    mutating func avoid(way: [SheetPoint]) {
        for (a, b) in zip(way, way.dropFirst()) {
            let steps = max(1, Int(max(abs(b.x - a.x), abs(b.y - a.y)) / 6))
            // A hostile or odd way cannot make this long: a sheet is 1000 units wide.
            for step in 0..<min(steps, 200) {
                let share = Double(step) / Double(steps)
                let (x, y) = (a.x + share * (b.x - a.x), a.y + share * (b.y - a.y))
                ways.append(Box(left: x - 1, top: y - 1, right: x + 1, bottom: y + 1))
            }
        }
    }

    mutating func keepClear(_ point: SheetPoint, radius: Double) {
        taken.append(
            Box(
                left: point.x - radius, top: point.y - radius, right: point.x + radius,
                bottom: point.y + radius))
    }

    private mutating func take(_ box: Box) -> Bool {
        guard box.left >= 2, box.right <= MapProjection.width - 2, box.top >= 2,
            box.bottom <= MapProjection.height - 2, !taken.contains(where: box.meets)
        else { return false }
        taken.append(box)
        return true
    }

    /// Right, left, above or below of a mark. 6.4 units a letter is a wide guess for 12 units type.
    mutating func place(_ text: String, at mark: SheetPoint, gap: Double) -> Label? {
        let width = Double(SafeText.columns(text)) * 6.4
        let sides: [(x: Double, y: Double, anchor: String, left: Double)] = [
            (mark.x + gap, mark.y + 4, "start", mark.x + gap),
            (mark.x - gap, mark.y + 4, "end", mark.x - gap - width),
            (mark.x, mark.y - gap - 2, "middle", mark.x - width / 2),
            (mark.x, mark.y + gap + 10, "middle", mark.x - width / 2),
        ]
        for mayCrossWays in [false, true] {
            for side in sides {
                let box = Box(
                    left: side.left, top: side.y - 11, right: side.left + width,
                    bottom: side.y + 3)
                if !mayCrossWays, ways.contains(where: box.meets) { continue }
                if take(box) {
                    return Label(point: SheetPoint(x: side.x, y: side.y), anchor: side.anchor)
                }
            }
        }
        return nil
    }

    /// A spot for a trip's number near the middle of its way.
    mutating func numberSpot(along way: [SheetPoint]) -> SheetPoint? {
        guard way.count > 2 else { return nil }
        for share in [0.5, 0.42, 0.58, 0.34, 0.66, 0.25, 0.75] {
            let point = way[Int(Double(way.count - 1) * share)]
            let box = Box(
                left: point.x - 8, top: point.y - 8, right: point.x + 8, bottom: point.y + 8)
            if take(box) { return point }
        }
        return nil
    }
}
