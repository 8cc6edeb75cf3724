internal import SessionModel

/// Who a user agent says it is, without versions: what the key and the label are made of.
struct ClientIdentity: Equatable {
    /// At most `ClientName.limit` bytes.
    var client: String
    /// Empty when not known.
    var system: String
    var form: FormFactor

    /// The key of this scheme; never 0.
    var key: UInt64 {
        var bytes: [UInt8] = [ClientRecognizer.schemeVersion, form.rawValue]
        bytes.append(contentsOf: client.utf8)
        bytes.append(0)
        bytes.append(contentsOf: system.utf8)
        let hash = bytes.withUnsafeBufferPointer { TextView($0).hash(domain: HashDomain.client) }
        return hash == 0 ? 1 : hash
    }

    /// For a person: `Chrome on Windows`, `Safari on iPhone`, `curl`.
    var label: String {
        let place =
            switch (system, form) {
            case ("iOS", .phone): "iPhone"
            case ("iOS", .tablet): "iPad"
            case ("Android", .tablet): "Android tablet"
            case ("Android", .tv): "Android TV"
            case (ClientFamilies.apple, _): "Apple device"
            case ("tvOS", _): "Apple TV"
            case ("watchOS", _): "Apple Watch"
            case ("", .tv): "TV"
            case ("", .phone): "a phone"
            default: system
            }
        // A robot's system is a costume.
        return place.isEmpty || form == .bot ? client : "\(client) on \(place)"
    }
}

extension UserAgentParser {
    /// The identity behind a text that is no placeholder, of at most `textLimit` bytes.
    ///
    /// Some 6 µs; at worst (1 KB made of the expressions' own words, for each record anew) some 300
    /// µs.
    func identity(
        of text: TextView, _ scratch: UserAgentPrefilter.Scratch
    ) -> ClientIdentity {
        filter.scan(text, scratch)
        let has = LowerText(base: scratch.lower, count: text.count)
        let (agent, isSpelledByText) = family(.agent, text, scratch)
        let (system, _) = family(.system, text, scratch)
        let isSpider = maySpider(scratch) && family(.device, text, scratch).name == "Spider"
        let client = client(agent, isSpelledByText, text, has)
        let place = self.system(system, has)
        return ClientIdentity(
            client: client, system: place, form: form(client, place, isSpider, has))
    }

    /// The section's family (`Other` for none), and whether the user agent's own words are in it.
    private func family(
        _ section: UserAgentSection, _ text: TextView, _ scratch: UserAgentPrefilter.Scratch
    ) -> (name: String, isSpelledByText: Bool) {
        guard let match = firstMatch(section, text, scratch),
            let name = value(0, orGroup: 1, match)
        else { return ("Other", false) }
        let template = rules.rules[match.rule][0]
        return (name, template.base == nil || template.bytes.contains(UInt8(ascii: "$")))
    }

    private func client(
        _ family: String, _ isSpelledByText: Bool, _ text: TextView, _ has: LowerText
    ) -> String {
        // Where an expression tells no more than the kind of engine, the text may still name a
        // product.
        let isApp = !has.starts("mozilla/") && ClientFamilies.client(family) == ClientFamilies.inApp
        if isApp || ["Other", "CFNetwork", "App", "Electron"].contains(family) {
            if let product = ClientName.product(in: text), product != "Mozilla" {
                return ClientFamilies.client(product)
            }
            if family == "Other" {
                return has.starts("mozilla/")
                    ? ClientFamilies.unknownBrowser : ClientFamilies.unknown
            }
        }
        // uap-core's last resort for any WebKit.
        if family == "Apple Mail", !has.contains("mac os x") {
            return ClientFamilies.unknownBrowser
        }
        if family == "Android", has.starts("dalvik/") { return "Android app" }
        let known = ClientFamilies.client(family)
        guard isSpelledByText, known == family else { return known }
        var name = family
        let stable = name.withUTF8 { ClientName.stable($0) }
        return ClientFamilies.client(stable ?? ClientFamilies.unknown)
    }

    private func system(_ family: String, _ has: LowerText) -> String {
        if has.contains("hbbtv/") { return ClientFamilies.television }
        // Versions of Darwin say which system it is only until the next one comes out.
        if has.contains(" darwin/"), has.contains("cfnetwork/") {
            return has.contains("iphone") || has.contains("ipad") ? "iOS" : ClientFamilies.apple
        }
        return ClientFamilies.system(family)
    }

    /// From tokens that browsers keep under reduction ("Mobile", the system), not from models,
    /// which they drop: a browser that begins to say "K" for its model is the same device.
    private func form(
        _ client: String, _ system: String, _ isSpider: Bool, _ has: LowerText
    ) -> FormFactor {
        if ClientFamilies.isTool(client) { return .tool }
        if isSpider || ClientFamilies.isBot(client) { return .bot }
        if ClientFamilies.televisionSystems.contains(system) || has.contains("smarttv")
            || has.contains("smart-tv") || has.contains("smart tv")
        {
            return .tv
        }
        switch system {
        case "iOS":
            if has.contains("ipad") { return .tablet }
            return has.contains("iphone") || has.contains("ipod") ? .phone : .unknown
        case "Android":
            if has.contains("mobile") || has.starts("opera/") { return .phone }
            if has.contains("android tv") || has.contains("bravia") || has.contains("; aft") {
                return .tv
            }
            // Only browsers keep the convention that no "Mobile" means a tablet.
            return has.starts("mozilla/") && client != ClientFamilies.inApp ? .tablet : .unknown
        case "Windows" where has.contains("windows ce") || has.contains("iemobile"): return .phone
        case "Tizen": return has.contains("mobile") ? .phone : .unknown
        case "Kindle": return .tablet
        case "BlackBerry OS": return has.contains("tablet") ? .tablet : .phone
        default: break
        }
        if ClientFamilies.desktopSystems.contains(system) { return .desktop }
        if ClientFamilies.phoneSystems.contains(system) { return .phone }
        return has.contains(" mobile") || has.contains("midp") ? .phone : .unknown
    }
}

/// A text in lower case, as the prefilter left it.
private struct LowerText {
    var base: UnsafeMutablePointer<UInt8>
    var count: Int

    func starts(_ word: StaticString) -> Bool { found(word, at: 0) }

    /// `word` is in lower case.
    func contains(_ word: StaticString) -> Bool {
        let first = word.utf8Start[0]
        var i = 0
        while i + word.utf8CodeUnitCount <= count {
            if base[i] == first, found(word, at: i) { return true }
            i &+= 1
        }
        return false
    }

    private func found(_ word: StaticString, at start: Int) -> Bool {
        guard start + word.utf8CodeUnitCount <= count else { return false }
        var i = 0
        while i < word.utf8CodeUnitCount {
            if base[start &+ i] != word.utf8Start[i] { return false }
            i &+= 1
        }
        return true
    }
}
