// dicompress.wasm from JavaScript, in browsers and Node.js (docs/web.md): the C interface, core/dicompress.h, which says more.
//
//     const dicompress = await load(fetch("dicompress.wasm"));   // or its bytes
//     const stream = dicompress.open(bytes);
//     const { rows, columns, frames, levels } = stream.info;
//     const { data } = stream.decode({ frame: 0, level: 1 });     // a Uint16Array, say
//     stream.close();

const types = [Uint8Array, Int8Array, Uint16Array, Int16Array];
const statuses = ["ok", "damaged", "limit", "unknown model", "unsupported", "argument", "verification", "no memory", "internal"];
const sizes = { error: 260, limits: 24, info: 56, part: 32 }; // bytes of the structures

// status: one of those above.
export class DicompressError extends Error {
  constructor(status, text) {
    super(text);
    this.name = "DicompressError";
    this.status = status;
  }
}

// source: dicompress.wasm as bytes, or the (promise of the) answer to a request for it.
export async function load(source) {
  const found = await source;
  const bytes = typeof found.arrayBuffer === "function" ? await found.arrayBuffer() : found;
  let memory; // known once there is an instance
  const imports = {
    env: { emscripten_notify_memory_growth() {} },
    wasi_snapshot_preview1: {
      clock_time_get(_clock, _precision, at) {
        new DataView(memory.buffer).setBigUint64(at, BigInt(Math.round(performance.now() * 1e6)), true);
        return 0;
      },
      proc_exit(code) {
        throw new Error(`dicompress.wasm ended with ${code}`);
      },
    },
  };
  const { instance } = await WebAssembly.instantiate(bytes, imports);
  memory = instance.exports.memory;
  instance.exports._initialize();
  return new Dicompress(instance.exports);
}

class Dicompress {
  constructor(wasm) {
    this.wasm = wasm;
  }

  // bytes: a Uint8Array with a stream, which is copied. limits: { pixels, memory }, samples and bytes.
  open(bytes, limits = {}) {
    return new Stream(this, bytes, limits);
  }

  get view() {
    return new DataView(this.wasm.memory.buffer); // another one whenever the memory has grown
  }

  // Calls work with the addresses of so many bytes each, which are freed afterwards.
  borrow(counts, work) {
    const at = counts.map((count) => this.allocate(count));
    try {
      return work(...at);
    } finally {
      at.forEach((address) => this.wasm.free(address));
    }
  }

  allocate(count) {
    const address = this.wasm.malloc(count);
    if (!address) throw new DicompressError("no memory", `there is no memory for ${count} bytes`);
    return address;
  }

  check(status, error) {
    if (!status) return;
    const text = new Uint8Array(this.wasm.memory.buffer, error + 4, sizes.error - 4);
    throw new DicompressError(statuses[status], new TextDecoder().decode(text.slice(0, text.indexOf(0))));
  }
}

class Stream {
  constructor(dicompress, bytes, { pixels = 0, memory = 0 }) {
    this.dicompress = dicompress;
    const { wasm } = dicompress;
    this.data = dicompress.allocate(bytes.length || 1);
    new Uint8Array(wasm.memory.buffer).set(bytes, this.data);
    try {
      dicompress.borrow([sizes.limits, 4, sizes.error], (limits, stream, error) => {
        const { view } = dicompress;
        view.setBigUint64(limits, BigInt(pixels), true);
        view.setBigUint64(limits + 8, BigInt(memory), true);
        view.setInt32(limits + 16, 1, true); // threads
        dicompress.check(wasm.dicompress_open(this.data, bytes.length, limits, stream, error), error);
        this.stream = dicompress.view.getUint32(stream, true);
      });
    } catch (failure) {
      wasm.free(this.data);
      throw failure;
    }
    this.info = this.#describe();
  }

  #describe() {
    const { dicompress } = this;
    return dicompress.borrow([sizes.info], (at) => {
      dicompress.wasm.dicompress_describe(at, this.stream);
      const { view } = dicompress;
      const number = (offset) => view.getInt32(at + offset, true);
      return {
        type: ["uint8", "int8", "uint16", "int16"][number(0)],
        bitsStored: number(4),
        frames: Number(view.getBigInt64(at + 8, true)),
        hasFrames: number(16) !== 0, // false: it was made of a single image
        rows: number(20),
        columns: number(24),
        samples: number(28),
        near: number(32),
        levels: number(36),
        finest: number(40), // the finest level that the bytes hold
        model: Array.from({ length: 8 }, (_, i) => view.getUint8(at + 44 + i).toString(16).padStart(2, "0")).join(""),
      };
    });
  }

  // How many bytes from the stream's first the image at this level needs.
  levelBytes(level) {
    return this.dicompress.wasm.dicompress_level_bytes(this.stream, level);
  }

  // frame: null for all. region: [row, column, rows, columns] at this level. data: (frames, rows, columns, samples).
  decode({ frame = null, level = this.info.finest, region = [0, 0, 0, 0] } = {}) {
    const { dicompress, info } = this;
    const { wasm } = dicompress;
    return dicompress.borrow([sizes.part, sizes.error], (part, error) => {
      const { view } = dicompress;
      view.setBigInt64(part, BigInt(frame ?? -1), true);
      [level, ...region].forEach((value, i) => view.setInt32(part + 8 + 4 * i, value, true));
      const size = wasm.dicompress_part_bytes(this.stream, part);
      return dicompress.borrow([size || 1], (pixels) => {
        dicompress.check(wasm.dicompress_decode(this.stream, part, pixels, size, error), error);
        const reduced = (length) => Math.ceil(length / 2 ** level);
        const [rows, columns] = region[2] ? region.slice(2) : [reduced(info.rows), reduced(info.columns)];
        const Type = types[["uint8", "int8", "uint16", "int16"].indexOf(info.type)];
        const data = new Type(wasm.memory.buffer.slice(pixels, pixels + size));
        return { data, frames: frame === null ? info.frames : 1, rows, columns, samples: info.samples };
      });
    });
  }

  close() {
    const { wasm } = this.dicompress;
    wasm.dicompress_close(this.stream);
    wasm.free(this.data);
    this.stream = this.data = 0;
  }
}
