internal import Foundation
internal import SessionModel

/// Places, devices and times in the words of a language.
struct Naming: Sendable {
    let phrases: Phrases

    /// `Toronto, Canada`; `Canada`; nil when nothing is known.
    func place(_ place: Place) -> String? {
        let country = country(place.country)
        let city = clean(place.city, limit: 60)
        switch (city.isEmpty, country.isEmpty) {
        case (false, false): return "\(city), \(country)"
        case (false, true): return city
        case (true, false): return country
        case (true, true): return nil
        }
    }

    /// `Canada` for `CA`; the code when it has no name.
    func country(_ code: String) -> String {
        guard code.utf8.count == 2 else { return clean(code, limit: 20) }
        let locale = Locale(identifier: phrases.language)
        return locale.localizedString(forRegionCode: code) ?? clean(code, limit: 20)
    }

    func device(_ label: String) -> String {
        guard !label.isEmpty, label != "Unknown" else { return phrases.text("device.unknown") }
        let label = clean(label, limit: 80)
        let parts = label.split(separator: " on ", maxSplits: 1)
        guard parts.count == 2 else { return label }
        return phrases.text(
            "device.on", ["client": String(parts[0]), "system": String(parts[1])])
    }

    /// By a zone's clocks, without its name.
    func date(_ time: Timestamp, in zone: Zone) -> String {
        let civil = zone.local(time).civil
        let months = phrases.text("months").split(separator: ",").map(String.init)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return phrases.text(
            "date",
            [
                "day": "\(civil.day)", "year": "\(civil.year)", "hour": two(civil.hour),
                "minute": two(civil.minute),
                "month": civil.month <= months.count ? months[civil.month - 1] : two(civil.month),
            ])
    }

    /// By the reader's clocks where they are known, else in UTC and by those of the place.
    func when(_ time: Timestamp, reader: Zone?, place: Zone?) -> String {
        if let reader {
            return phrases.text(
                "time.zone", ["time": date(time, in: reader), "zone": reader.name])
        }
        let utc = phrases.text("time.utc", ["time": date(time, in: .utc)])
        guard let place, place.offset(at: time) != 0 else { return utc }
        return utc + " · " + phrases.text("time.place", ["time": date(time, in: place)])
    }
}
