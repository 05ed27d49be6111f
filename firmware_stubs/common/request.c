#include "request.h"

static uint16_t word_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static bool takes(const register_row *row, uint16_t raw)
{
    const int32_t value = row->is_signed ? (int32_t)(int16_t)raw : (int32_t)raw;

    return value >= row->low && value <= row->high;
}

static bool all_holding(const register_index *index, uint32_t first, uint32_t count, bool writable)
{
    for (uint32_t address = first; address < first + count; address++)
        if (address > 65535 || !index->row_at[address] || (writable && !index->row_at[address]->writable))
            return false;
    return true;
}

int request_judge_words(const request *r, const register_index *index)
{
    if (!all_holding(index, r->first, r->count, true))
        return ILLEGAL_ADDRESS;
    for (uint16_t i = 0; i < r->count; i++)
        if (!takes(index->row_at[r->first + i], r->words[i]))
            return ILLEGAL_VALUE;
    return ACCEPTED;
}

static int judge_read(request *r, const register_index *index, const uint8_t *pdu)
{
    const uint32_t first = word_at(pdu + 1), count = word_at(pdu + 3);

    if (count < 1 || count > (pdu[0] <= 2 ? 2000u : 125u))
        return ILLEGAL_VALUE;
    r->first = (uint16_t)first;
    r->count = (uint16_t)count;
    switch (pdu[0]) {
    case 2: return first + count <= index->discrete_count ? ACCEPTED : ILLEGAL_ADDRESS;
    case 3: return all_holding(index, first, count, false) ? ACCEPTED : ILLEGAL_ADDRESS;
    case 4: return first + count <= index->input_count ? ACCEPTED : ILLEGAL_ADDRESS;
    default: return ILLEGAL_ADDRESS; /* no stub has coils */
    }
}

static int judge_words(request *r, const register_index *index, uint16_t first, uint16_t count, const uint8_t *values)
{
    r->first = first;
    r->count = count;
    r->writes = true;
    for (uint16_t i = 0; i < count; i++)
        r->words[i] = word_at(values + 2 * i);
    return request_judge_words(r, index);
}

static int judge_write_many(request *r, const register_index *index, const uint8_t *pdu, size_t length)
{
    const bool coils = pdu[0] == 15;
    uint32_t count, bytes;

    if (length < 6)
        return ILLEGAL_VALUE;
    count = word_at(pdu + 3);
    bytes = coils ? (count + 7) / 8 : 2 * count;
    if (count < 1 || count > (coils ? 1968u : 123u) || pdu[5] != bytes || length != 6 + bytes)
        return ILLEGAL_VALUE;
    return coils ? ILLEGAL_ADDRESS : judge_words(r, index, word_at(pdu + 1), (uint16_t)count, pdu + 6);
}

int request_judge(request *r, const register_index *index, const uint8_t *pdu, size_t length)
{
    r->first = r->count = 0;
    r->writes = false;
    switch (pdu[0]) {
    case 1: case 2: case 3: case 4: return length == 5 ? judge_read(r, index, pdu) : ILLEGAL_VALUE;
    case 5:
        return length == 5 && (pdu[3] == 0x00 || pdu[3] == 0xFF) && pdu[4] == 0 ? ILLEGAL_ADDRESS : ILLEGAL_VALUE;
    case 6: return length == 5 ? judge_words(r, index, word_at(pdu + 1), 1, pdu + 3) : ILLEGAL_VALUE;
    case 15: case 16: return judge_write_many(r, index, pdu, length);
    default: return ILLEGAL_FUNCTION;
    }
}
