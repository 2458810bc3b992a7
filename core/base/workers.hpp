// Threads that share the jobs of one call.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace dicompress {

class Workers {
public:
    // The calling thread is one of them; the others are started when there is first something for them to do.
    explicit Workers(int threads) : wanted_(threads > 1 ? threads : 1) {}
    Workers(const Workers&) = delete;
    ~Workers() {
        {
            const std::lock_guard lock(mutex_);
            ends_ = true;
        }
        wake_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

    int count() const { return wanted_; }

    // job(0), job(1) ... in any order, several at a time; back when all are done. Throws what the first that failed threw.
    // Not to be called by a job, nor by two threads at once.
    void each(std::size_t count, const std::function<void(std::size_t)>& job) {
        if (count > 1 && threads_.empty()) start();
        if (count < 2 || threads_.empty()) {
            for (std::size_t i = 0; i < count; ++i) job(i);
            return;
        }
        {
            const std::lock_guard lock(mutex_);
            job_ = &job, count_ = count, next_ = 0, failure_ = nullptr;
            busy_ = threads_.size();
            ++round_;
        }
        wake_.notify_all();
        run();
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return busy_ == 0; });
        job_ = nullptr;
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    // Where threads cannot be started, the calling one does all the work.
    void start() {
        threads_.reserve(static_cast<std::size_t>(wanted_) - 1);
        try {
            while (static_cast<int>(threads_.size()) + 1 < wanted_) threads_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
        }
    }

    void work() {
        std::size_t seen = 0;
        for (;;) {
            {
                std::unique_lock lock(mutex_);
                wake_.wait(lock, [&] { return ends_ || round_ != seen; });
                if (ends_) return;
                seen = round_;
            }
            run();
            const std::lock_guard lock(mutex_);
            if (--busy_ == 0) done_.notify_one();
        }
    }

    void run() {
        for (std::size_t i; (i = next_.fetch_add(1)) < count_;) {
            try {
                (*job_)(i);
            } catch (...) {
                const std::lock_guard lock(mutex_);
                if (!failure_) failure_ = std::current_exception();
                next_ = count_;
            }
        }
    }

    const int wanted_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable wake_, done_;
    const std::function<void(std::size_t)>* job_ = nullptr;
    std::size_t count_ = 0, busy_ = 0, round_ = 0;
    std::atomic<std::size_t> next_ = 0;
    std::exception_ptr failure_;
    bool ends_ = false;
};

}  // namespace dicompress
