/* Replies as libmodbus makes them, caught before they reach a wire, so that they can be late or wrong. */
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <modbus/modbus.h>

typedef enum { OVER_TCP, OVER_RTU } transport;

enum { REPLY_BYTES = 260, TCP_HEADER_BYTES = 7, RTU_HEADER_BYTES = 1, CRC_BYTES = 2 };

typedef struct {
    uint8_t bytes[REPLY_BYTES];
    size_t count;
} reply;

typedef struct replier replier;

/* NULL where it cannot be made, with errno set. */
replier *replier_open(void);
void replier_close(replier *r);

/* Carries out a judged request on the registers and gives the answer; none (count 0) to a broadcast. */
void replier_answer(replier *r, transport via, const uint8_t *frame, size_t length, modbus_mapping_t *words, reply *out);

/* The exception reply to a frame. */
void replier_refuse(replier *r, transport via, const uint8_t *frame, size_t length, int code, reply *out);

/* CRC of the serial line (Modbus over serial line V1.02, 6.2.2). */
uint16_t crc16(const uint8_t *bytes, size_t count);

/* True where the last two bytes are the CRC of the others. */
bool crc_holds(const uint8_t *frame, size_t count);

/* Makes the last two bytes the CRC of the others. */
void crc_seal(uint8_t *frame, size_t count);

#endif
