/* dicompress: the codec as a C library. This header is its manual.
 *
 * A stream (docs/format.md) holds an image or several frames of one, of 8 or 16 bits a sample, without loss or with a bounded
 * error. It comes in levels: level k is the image at 1/2^k resolution, level 0 the whole. The coarsest is at the front of the
 * stream, so that a stream that has arrived in part is a smaller image.
 *
 *     dicompress_error error;
 *     dicompress_stream *stream;
 *     if (dicompress_open(data, size, NULL, &stream, &error)) fail(error.text);
 *     dicompress_info info = dicompress_describe(stream);
 *     dicompress_part part = dicompress_everything();
 *     part.frame = 3, part.level = 1;
 *     size_t bytes = dicompress_part_bytes(stream, &part);
 *     uint16_t *pixels = malloc(bytes);
 *     if (dicompress_decode(stream, &part, pixels, bytes, &error)) fail(error.text);
 *     dicompress_close(stream);
 *
 * Pixels are (frames, rows, columns, samples) one after the other without gaps, in the byte order of the machine.
 *
 * Errors. Functions that can fail return a status, 0 for success, and write to `error`, which may be NULL, what is wrong and
 * where. Nothing is written to the caller's memory then that may be relied upon: a damaged stream is an error, never a wrong
 * picture. Exceptions do not leave the library.
 *
 * Threads. There is no global state. Several threads may decode parts of one stream at the same time; opening and closing are
 * for one. A call starts threads of its own, as many as `limits.threads` says, and ends them.
 *
 * Limits. Whatever a stream claims, decoding takes no more than `limits.memory` bytes (beside the stream and the caller's
 * pixels), and no stream with more than `limits.pixels` samples is opened.
 */
#ifndef DICOMPRESS_H
#define DICOMPRESS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    DICOMPRESS_OK = 0,
    DICOMPRESS_DAMAGED = 1,       /* the data is damaged, cut short, or not a stream */
    DICOMPRESS_LIMIT = 2,         /* more than the limits allow */
    DICOMPRESS_UNKNOWN_MODEL = 3, /* written by a model, or a version, that this library does not have */
    DICOMPRESS_UNSUPPORTED = 4,   /* an image of a kind that is not compressed */
    DICOMPRESS_ARGUMENT = 5,      /* what is asked for does not exist: a level, a frame, an error bound */
    DICOMPRESS_VERIFICATION = 6,  /* what was compressed does not come back as promised; there is no result */
    DICOMPRESS_NO_MEMORY = 7,
    DICOMPRESS_INTERNAL = 8
} dicompress_status;

typedef struct {
    dicompress_status status;
    char text[256];
} dicompress_error;

typedef enum { DICOMPRESS_UINT8 = 0, DICOMPRESS_INT8 = 1, DICOMPRESS_UINT16 = 2, DICOMPRESS_INT16 = 3 } dicompress_type;

/* 0 stands for the default: 2^31 samples, 2^32 bytes (of less address space: 2^30), a thread a core. */
typedef struct {
    uint64_t pixels; /* samples of all frames */
    uint64_t memory; /* bytes */
    int threads;
} dicompress_limits;

typedef struct {
    dicompress_type type;
    int bits_stored; /* DICOM's Bits Stored, for the record */
    int64_t frames;
    int has_frames; /* 0: it was made of a single image */
    int32_t rows, columns;
    int samples; /* of a pixel, 1 to 4 */
    int near;    /* by how much a sample may differ from the original, 0 for not at all */
    int levels;  /* the image can be had at 1/2^k resolution, k from 0 to this */
    int finest;  /* the finest level that the data opened holds */
    uint8_t model[8];
} dicompress_info;

/* A part of an image. frame: -1 for all. row, column, rows, columns: in the image at this level; 0 rows for all of it. */
typedef struct {
    int64_t frame;
    int level;
    int32_t row, column, rows, columns;
} dicompress_part;

typedef struct dicompress_stream dicompress_stream;

/* Opens the stream of `size` bytes at `data`, which must stay where it is until the stream is closed; its checksums are checked.
 * It may end early, behind the bytes of a level. limits: NULL for the defaults. */
dicompress_status dicompress_open(const void *data, size_t size, const dicompress_limits *limits, dicompress_stream **stream,
                                  dicompress_error *error);
void dicompress_close(dicompress_stream *stream);

dicompress_info dicompress_describe(const dicompress_stream *stream);

/* How many bytes of the stream the image at `level` takes; 0 for a level that it does not have. */
size_t dicompress_level_bytes(const dicompress_stream *stream, int level);

/* All frames at level 0. */
dicompress_part dicompress_everything(void);

/* The bytes of a part's pixels; 0 for one that the stream does not have. */
size_t dicompress_part_bytes(const dicompress_stream *stream, const dicompress_part *part);

/* Decodes a part, and no frame or tile that it does not depend on, into `size` bytes at `pixels`, those of
 * `dicompress_part_bytes`. Whole frames at level 0 are checked against their checksums. */
dicompress_status dicompress_decode(const dicompress_stream *stream, const dicompress_part *part, void *pixels, size_t size,
                                    dicompress_error *error);

/* Compresses the image that `info` describes (type, bits_stored or 0, frames, has_frames, rows, columns, samples, near); the
 * result has been decoded and compared. neighbours: frames may lean on those beside them, where that pays; decoding one then
 * decodes up to 16 others first. *data is to be freed with `dicompress_free`. */
dicompress_status dicompress_encode(const void *pixels, const dicompress_info *info, int neighbours,
                                    const dicompress_limits *limits, uint8_t **data, size_t *size, dicompress_error *error);
void dicompress_free(uint8_t *data);

#ifdef __cplusplus
}
#endif

#endif
