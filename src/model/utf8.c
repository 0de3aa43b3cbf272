#include "model/utf8.h"

size_t ms_utf8_decode(const char *bytes, size_t count, uint32_t *code)
{
    const unsigned char lead = (unsigned char)bytes[0];
    if (lead < 0x80) {
        *code = lead;
        return 1;
    }
    const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || length > count) {
        return 0;
    }
    uint32_t value = lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        const unsigned char next = (unsigned char)bytes[i];
        if ((next & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (next & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    *code = value;
    return length;
}

size_t ms_utf8_broken_length(const char *bytes, size_t count)
{
    const unsigned char lead = (unsigned char)bytes[0];
    const size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : count;
    size_t length = 1;
    while (length < count && length < wanted && (bytes[length] & 0xc0) == 0x80) {
        length++;
    }
    return length;
}

bool ms_utf8_harmful(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || /* C0, DEL, C1 */
           code == 0xad || code == 0x61c ||                /* soft hyphen, Arabic letter mark */
           code == 0x180e || (code >= 0x200b && code <= 0x200f) || /* zero width, marks */
           (code >= 0x2028 && code <= 0x202e) ||                   /* line ends, bidirectional */
           (code >= 0x2060 && code <= 0x206f) || /* invisible operators, isolates */
           code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) || /* BOM, annotations */
           (code >= 0xe0000 && code <= 0xe0fff) ||                 /* tags */
           (code & 0xfffe) == 0xfffe;                              /* no characters */
}
