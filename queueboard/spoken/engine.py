"""A program of its own: reads a sentence from standard input and writes it as a WAV file to standard output.

    python engine.py VOICE        voice: a name of eSpeak NG's, such as en or cmn

Apart from the web process, as the library keeps its state in globals and could take the process down with it. It also
keeps eSpeak NG, which is under the GPL 3, out of a process that is not.
"""

import ctypes
import io
import sys
import wave

import espeakng_loader  # type: ignore[import-untyped]

SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples come by the callback, before espeak_Synth returns
BY_CHARACTER = 1  # POS_CHARACTER
UTF8 = 1  # espeakCHARS_UTF8
RATE = 1  # espeakRATE
WORDS_PER_MINUTE = 135  # slower than its usual 175: it is heard across a hall
ON_SAMPLES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def spoken(sentence: str, voice: str) -> bytes:
    """The sentence as a WAV file: 16 bits, one channel. Raises RuntimeError where the library refuses."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    hertz = library.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    if hertz <= 0 or library.espeak_SetVoiceByName(voice.encode()):
        raise RuntimeError(f"eSpeak NG has no voice {voice}")
    samples = bytearray()

    @ON_SAMPLES
    def take(found, count, _events):
        if found and count > 0:
            samples.extend(ctypes.string_at(found, count * 2))
        return 0

    library.espeak_SetSynthCallback(take)
    library.espeak_SetParameter(RATE, WORDS_PER_MINUTE, 0)
    text = sentence.encode()
    if library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, BY_CHARACTER, 0, UTF8, None, None):
        raise RuntimeError("eSpeak NG did not say it")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(hertz)
        out.writeframes(bytes(samples))
    return file.getvalue()


if __name__ == "__main__":
    sys.stdout.buffer.write(spoken(sys.stdin.buffer.read().decode(), sys.argv[1]))
