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
 * Pixels are (frames, rows, columns, samples) one after the other without gaps, in the byte order of the machine; those of 16 bits
 * lie as uint16_t does, at even addresses.
 *
 * Errors. Functions that can fail return a status, 0 for success, and write to `error`, which may be NULL, the same status and
 * what is wrong and where: a line of text, empty for success. After a failure the caller's pixels may be written in part, and
 * pointers that a function would have set are NULL. A damaged stream is an error, never a wrong picture: headers and levels have
 * checksums, and so have the pixels of every frame. No other pointer may be NULL; no exception leaves the library.
 *
 * Threads. There is no global state: calls for different streams never meet. Several threads may use one stream at the same
 * time, but for closing it. A call that decodes or encodes runs on the caller's thread and, where there is work for them, on others that
 * it starts and ends, `limits.threads` in all; 1 starts none. Where no threads can be started, the caller's does all the work.
 *
 * Limits. Whatever a stream claims, what is opened and all that decodes it at a time take no more than `limits.memory` bytes,
 * beside the data and the caller's pixels, and no stream with more than `limits.pixels` samples is opened. Beyond that, small
 * things that no claim makes larger come from the heap.
 */
#ifndef DICOMPRESS_H
#define DICOMPRESS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the caller can do about it: nothing, allow more, install a newer library, store the image otherwise, ask for something else. */
typedef enum {
    DICOMPRESS_OK = 0,
    DICOMPRESS_DAMAGED = 1,       /* the data is damaged, cut short, or not a stream */
    DICOMPRESS_LIMIT = 2,         /* more than the limits allow */
    DICOMPRESS_UNKNOWN_MODEL = 3, /* written by a model, or a version, that this library does not have */
    DICOMPRESS_UNSUPPORTED = 4,   /* an image of a kind that is not compressed; a stream that only the Python package decodes */
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

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* Opens the stream of `size` bytes at `data`, which must stay as it is until the stream is closed. It may end early, behind the
 * bytes of a level: then there is this level and those above it. One byte 0 behind the end is fine, as DICOM's items have an even
 * length. limits: NULL for the defaults. *stream is to be closed with `dicompress_close`, for which NULL is nothing to do. */
dicompress_status dicompress_open(const void *data, size_t size, const dicompress_limits *limits, dicompress_stream **stream,
                                  dicompress_error *error);
void dicompress_close(dicompress_stream *stream);

dicompress_info dicompress_describe(const dicompress_stream *stream);

/* How many bytes from the stream's first the image at `level` needs; 0 for a level that it does not have. */
size_t dicompress_level_bytes(const dicompress_stream *stream, int level);

/* All frames, whole, at level 0: to begin with, and change what is wanted otherwise. */
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

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
